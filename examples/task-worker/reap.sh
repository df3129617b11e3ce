#!/bin/sh
# Puts items of Pods that are gone for good back into the queue, at its head.
#
# A Pod that is there takes its own item up again itself. One whose object is gone, or that has ended, has no containers any more: its
# node has said so before.
set -eu
redis() { kubectl exec queue -- redis-cli -e "$@"; }

# The lists first: the Pod of each was there already, so if it is not there now, it is gone.
lists=$(redis --scan --pattern 'taken:*')
pods=$(kubectl get pods --field-selector 'status.phase!=Succeeded,status.phase!=Failed' -o 'jsonpath={.items[*].metadata.uid}')
for list in $lists; do
    case " $pods " in *" ${list#taken:} "*) continue ;; esac
    item=$(redis LMOVE "$list" tasks RIGHT LEFT)
    while [ -n "$item" ]; do
        echo "given back: $item"
        item=$(redis LMOVE "$list" tasks RIGHT LEFT)
    done
done
