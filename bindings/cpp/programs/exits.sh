#!/bin/sh
# Repeats each way to exit: `exits.sh PROGRAM [TIMES]`. A program that prints, hangs or ends otherwise than it should fails.
set -u
program=$1
times=${2:-100}
failed=0
for pair in return:0 exit:3 quick:4 handler:0 static:0 closed:0 shared:0 worker:0 uncaught:134 signal:143 fork:0; do
    way=${pair%:*}
    wanted=${pair#*:}
    bad=0
    count=0
    while [ $count -lt "$times" ]; do
        count=$((count + 1))
        printed=$( (timeout 10 "$program" "$way") 2>&1)
        status=$?
        if [ $status -ne "$wanted" ] || { [ -n "$printed" ] && [ "$wanted" -lt 128 ]; }; then
            bad=$((bad + 1))
            echo "$way: status $status, wanted $wanted: $printed" >&2
        fi
    done
    echo "$way: $times exits, $bad failed"
    failed=$((failed + bad))
done
[ $failed -eq 0 ]
