#!/bin/sh
# Checks the slug of every dish on the menu; exits 1 when one is wrong.

cd "$(dirname "$0")/.." || exit 2
passed=0
failed=0

slug_is() {
    got=$(sh src/slug.sh "$1")
    if [ "$got" = "$2" ]; then
        passed=$((passed + 1))
        echo "ok    $1 -> $got"
    else
        failed=$((failed + 1))
        echo "FAIL  $1 -> $got, not $2"
    fi
}

slug_is 'Tomato Soup' tomato-soup
slug_is '7 Spices' 7-spices
slug_is 'Fish & Chips' fish-chips
slug_is 'Mac   and   Cheese' mac-and-cheese
slug_is '"Secret" Sauce' secret-sauce
slug_is 'Leftovers!' leftovers
slug_is 'Eggs (sunny side up)' eggs-sunny-side-up

echo
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
