#!/bin/sh
# Prints the slug of a dish: sh src/slug.sh "Tomato Soup"

LC_ALL=C
export LC_ALL

lower() {
    tr '[:upper:]' '[:lower:]'
}

# Everything between two words becomes a dash.
dashes() {
    tr -c '[:alnum:]\n' '-'
}

# No dash at the ends.
trim() {
    sed 's/^-//'
}

printf '%s\n' "$*" | lower | dashes | trim
