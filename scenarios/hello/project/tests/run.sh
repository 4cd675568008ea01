#!/bin/sh
# Checks the count of the one recipe there is.

cd "$(dirname "$0")/.." || exit 2
got=$(sh crumbs.sh soup.txt)
if [ "$got" = '12 words' ]; then
    echo '1 passed, 0 failed'
else
    echo "FAIL  soup.txt: $got"
    echo '0 passed, 1 failed'
    exit 1
fi
