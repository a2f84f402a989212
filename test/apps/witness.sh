#!/bin/sh
# An instance that notes each of its starts in $NOTES/starts: its instance, its pid, where its log is, and the pid of an
# earlier start of it that is still alive, or `-`. It takes a moment to end, and is two processes.
still=-
if read -r last 2>/dev/null <"$NOTES/$CTRLPLANE_INSTANCE"; then
  # A zombie is nobody; what another user runs has got a pid that was free again.
  if [ -O "/proc/$last" ] && read -r stat 2>/dev/null <"/proc/$last/stat"; then
    case "${stat##*) }" in Z* | X*) ;; *) still=$last ;; esac
  fi
fi
echo $$ >"$NOTES/$CTRLPLANE_INSTANCE"
echo "$CTRLPLANE_INSTANCE $$ $(readlink /proc/$$/fd/1) $still" >>"$NOTES/starts"
trap 'sleep 0.2; exit 0' TERM
while :; do
  sleep 3600 &
  wait $!
done
