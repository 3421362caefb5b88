# What a reader of `pulumi preview` does not need: colours, blank lines, addresses, how long it took, where the machine keeps its files.
s/\x1b\[[0-9;]*[A-Za-z]//g
s/\r$//
/^[[:space:]]*$/d
/^(Previewing update|View (in Browser|Live)|Loading policy packs|@ ?[Pp]reviewing|Duration:|More information at:)/d
/https?:\/\/app\.pulumi\.com/d
/^[[:space:]]*(warning: )?A new version of Pulumi is available/d
s/(^|[[:space:]"'(=])\/(home|root|tmp|Users|opt|var|github|__w|work)\/[^[:space:]"')]*\//\1/g
# Nothing may end the block that it stands in.
s/~~~/---/g
