# What a reader of `pulumi preview` does not need: colours, blank lines, addresses, how long it took, where the machine keeps its files, offers
# of help, the stack's own row where nothing happens to it, a row that is shown twice. Warnings of the spec are `factory validate`'s to tell.
s/\x1b\[[0-9;]*[A-Za-z]//g
s/\r$//
/^    warning: [a-z-]+:spec: [0-9]+ warning\(s\)$/{
:warning
N
/\n      [^\n]*$/{
s/\n[^\n]*$//
b warning
}
s/^[^\n]*\n//
}
/^[[:space:]]*$/d
/^(Previewing update|View (in Browser|Live)|Loading policy packs|@ ?[Pp]reviewing|Duration:|More information at:|Permalink:|Diagnostics:)/d
/^ +\[Pulumi Neo\]|^ +\?explainFailure$|pulumi neo --debug/d
/^    pulumi:pulumi:Stack .* ([0-9]+ )?(warning|running)/d
/^  pulumi:pulumi:Stack \(.*\):$/d
/https?:\/\/app\.pulumi\.com/d
/^[[:space:]]*(warning: )?A new version of Pulumi is available/d
s/(^|[[:space:]"'(=])\/(home|root|tmp|Users|opt|var|github|__w|work)\/[^[:space:]"')]*\//\1/g
s/[[:space:]]+$//
# Nothing may end the block that it stands in.
s/~~~/---/g
G
/^([^\n]*)\n\1$/d
s/\n.*//
h
