# SPDX-License-Identifier: ISC
# shellcheck shell=sh disable=SC1091
. tests/golden/lib.sh

title no command
"$MAILMOTE"
echo "exit $?"
title help
"$MAILMOTE" --help
title unknown command
"$MAILMOTE" quue
echo "exit $?"
title mail without a recipient
mailmote mail -s x
"$WORK/mail" -s x
echo "exit $?"
title -C without a file
"$MAILMOTE" -C
echo "exit $?"
title version
mailmote version | sed 's/features: .*/features: .../'
title arguments of the commands
mailmote queue now
mailmote queue --jsn
mailmote show
mailmote show a2b3c4d5e6f7 a2b3c4d5e6f7
mailmote show a2b3c4d5e6f
mailmote show 'a2b3c4d5e6f"'
mailmote flush --wait 1 2
mailmote flush nonsense
mailmote remove
mailmote remove --all a2b3c4d5e6f7
mailmote hold --all
mailmote release A2B3C4D5E6F7
mailmote status -v
mailmote test
mailmote check now
title no daemon
mailmote status
mailmote status --json
title standard output is full
"$MAILMOTE" version >/dev/full
echo "exit $?"
title closed descriptors
sink
echo text | "$WORK/sendmail" -C "$C" -f a@b.example c@d.example >&- 2>&-
echo "exit $?"
"$WORK/sendmail" -C "$C" -f a@b.example c@d.example <&- >&- 2>&-
echo "exit $?"
msg_of 1
