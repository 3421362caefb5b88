"""How what was found is shown: to people, to a pull request, to a program. Nothing is found here."""
