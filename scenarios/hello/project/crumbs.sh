#!/bin/sh
# Prints how many words a recipe has: sh crumbs.sh soup.txt

words=$(wc -w <"$1") || exit 1
echo "$((words)) words"
