# bash completion for autoskillit. The program says what fits: a line for each, its text, a tab, what it is.

_autoskillit() {
    local head=${COMP_LINE:0:COMP_POINT} words=() part blank current start quoted cut line value i

    # Readline takes key=value for three words: parts without a blank between them are one word.
    for ((i = 0; i <= COMP_CWORD; i++)); do
        blank=${head%%[![:space:]]*}
        head=${head#"$blank"}
        part=${COMP_WORDS[i]}
        # Behind the cursor nothing counts.
        ((i < COMP_CWORD)) || part=$head
        if [[ $i == 0 || -n $blank ]]; then
            words+=("$part")
        else
            words[${#words[@]} - 1]+=$part
        fi
        head=${head#"$part"}
    done
    current=${words[${#words[@]} - 1]}

    COMPREPLY=()
    # Homes of users are bash's to complete.
    if [[ $current == '~'* ]]; then
        compopt -o default +o nospace 2>/dev/null
        return
    fi

    # Readline replaces what follows an open quote, or else the last of its word breaks.
    start=${current%%[\'\"]*}
    [[ $start == "$current" ]] && quoted=no || quoted=yes
    start=${start//\\/}
    cut=
    for i in '=' ':'; do
        if [[ $COMP_WORDBREAKS == *"$i"* && $start == *"$i"* ]]; then
            part=${start%"${start##*"$i"}"}
            ((${#part} > ${#cut})) && cut=$part
        fi
    done
    [[ $quoted == yes ]] && cut=$start

    while IFS= read -r line; do
        value=${line%%$'\t'*}
        [[ $value == "$cut"* ]] || continue
        value=${value#"$cut"}
        # Inside quotes readline quotes by itself, and a blank would be part of the word.
        if [[ $quoted == no ]]; then
            printf -v value %q "$value"
            # One goes on typing behind these.
            [[ $value == *[=/] ]] || value+=' '
        fi
        COMPREPLY+=("$value")
    done < <(autoskillit __complete $((${#words[@]} - 1)) "${words[@]//[\'\"\\]/}" 2>/dev/null)
}

complete -o nospace -o nosort -F _autoskillit autoskillit 2>/dev/null ||
    complete -o nospace -F _autoskillit autoskillit
