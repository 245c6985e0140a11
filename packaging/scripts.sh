# What the scripts of both packages do: it stands at the head of each.
set -e

UNIT=agentguard.service

# Whether systemd runs this host. Where an image is being made it does not.
is_booted() {
    [ -d /run/systemd/system ]
}

make_group() {
    if command -v systemd-sysusers > /dev/null; then
        systemd-sysusers agentguard.conf
    elif ! getent group agentguard > /dev/null; then
        groupadd --system agentguard
    fi
}

# For the first time. Nothing starts: there are no scopes yet.
installed() {
    make_group
    if is_booted; then
        systemctl daemon-reload
    fi
    echo "agentguard: not started: declare agents in /etc/agentguard/agents.d, then: systemctl enable --now agentguard"
}

# Over another version, which may be running. Agents that require it are restarted with it.
upgraded() {
    make_group
    if is_booted; then
        systemctl daemon-reload
        if ! systemctl try-restart "$UNIT"; then
            echo "agentguard: NOTHING IS ENFORCED: the new version does not start: journalctl -u agentguard" >&2
            exit 1
        fi
    fi
}

# REMOVAL WHILE AGENTS ARE ENFORCED: whether the package may go. Enforcement ends with the service, which is stopped
# next, so there is nothing to ask. Once it does not, this is where the removal is refused (return 1, after a line that
# says why) unless AGENTGUARD_DOWN=yes, which runs `agentguard down --yes`.
may_be_removed() {
    return 0
}

# Before the files go.
removing() {
    if ! may_be_removed; then
        exit 1
    fi
    if is_booted; then
        systemctl stop "$UNIT"
    fi
    if command -v systemctl > /dev/null; then
        systemctl --quiet --no-reload disable "$UNIT"
    fi
}

# After the files have gone.
removed() {
    if is_booted; then
        systemctl daemon-reload
    fi
}

# When nothing is to be left. The violation log is: it is evidence. So is the group: files may belong to it.
purged() {
    for directory in /etc/agentguard/agents.d /etc/agentguard; do
        if [ -d "$directory" ] && [ -z "$(ls -A "$directory")" ]; then
            rmdir "$directory"
        fi
    done
    rm -rf /var/lib/agentguard
    if [ -d /etc/agentguard ]; then
        echo "agentguard: not empty, so it stays: /etc/agentguard"
    fi
    if [ -d /var/log/agentguard ]; then
        echo "agentguard: evidence, so it stays: /var/log/agentguard"
    fi
}
