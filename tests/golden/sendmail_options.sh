# SPDX-License-Identifier: ISC
# shellcheck shell=sh disable=SC1091
. tests/golden/lib.sh
M='Subject: s\n\ntext\n'

title callers
send "$M" -i -f job -t a@b.example
send 'To: a@b.example\nSubject: cron: x\n\ntext\n' -ti
send 'To: a@b.example\n\ntext\n' -FCronDaemon -i -odi -oem -oi -t -f job
send "$M" -FCronDaemon -i -B8BITMIME -oem user,b@c.example
send "$M" -oem -oi -f a@b.example -N failure -R hdrs -- c@d.example
send "$M" -i -fa@b.example c@d.example
send "$M" -ti -f a@b.example -r
send "$M" a@b.example -oi -f c@d.example
title names and lists as arguments
send "$M" -f 'The Sender <a@b.example>' '"Last, First" <c@d.example>, e@f.example' 'c@D.example'
send "$M" -f a@b.example -- -oQ/tmp@x.example
title the null sender
send "$M" -f '' a@b.example
send "$M" -f '<>' a@b.example
title queue only
send "$M" -f a@b.example -odq c@d.example
send "$M" -f a@b.example -odb c@d.example
send "$M" -f a@b.example -O DeliveryMode=q c@d.example
title taken and forgotten
send "$M" -f a@b.example -A m -c -d 0.1 -D /x -E -G -h 3 -J -L tag -m -MXval -n -O x=y -oA/x -om -oMr -p esmtp -s -T -U -V env+2B -X /x -x c@d.example
ls "$WORK"
title misuse, nothing is sent
sink
send "$M" a@b.example -f a@b.example -f c@d.example
send "$M" -Z a@b.example
send "$M" -Q reason a@b.example
send "$M" -z text a@b.example
send "$M" -S host:25 a@b.example
send "$M" -auuser a@b.example
send "$M" -H prog a@b.example
send "$M" -w 3 a@b.example
send "$M" -B 9BIT a@b.example
send "$M" -h many a@b.example
send "$M" -N always a@b.example
send "$M" -N success,never a@b.example
send "$M" -R all a@b.example
send "$M" -R full -R full a@b.example
send "$M" -V 'a b' a@b.example
send "$M" -V 'a+2b' a@b.example
send "$M" -bC
send "$M" -bt
send "$M" -qSx
send "$M" -qIx
send "$M" -f
sendmail --help 2>&1 | sed -n '1p;$p'
send "$M"
send "$M" --
title control bytes
send "$M" -f "$(printf 'X\nBcc: v@x.example')" a@b.example
send "$M" -f "$(printf 'a@b>\nRCPT TO:<v@x')" a@b.example
send "$M" "$(printf 'a@b.example\nBcc: v@x.example')"
send "$M" -L "$(printf 'a\033[2J')" a@b.example
send "$M" -f a@b.example -F "$(printf 'X\nBcc: v@x.example')" c@d.example
title bad addresses, nothing is sent
send "$M" -f 'a@b@c' a@b.example
send "$M" -f 'a@b.example, c@d.example' a@b.example
send "$M" 'a@b..example' c@d.example
send "$M" 'a@b.example, <c@d' e@f.example
send "$M" ''
send "$M" 'group:;'
send 'To: a@b.example, c@\n\ntext\n' -t
send 'To: "a@b> SIZE=1\r\n RCPT TO:<x@y"@c\n\ntext\n' -t
send 'Subject: s\n\nTo: a@b.example\n' -t
title the other modes
sendmail -bi
sendmail -I
sendmail -q
sendmail -q30m
sendmail -bp
title where mail would go
printf 'alias root a@x.example,ops\nalias ops o@y.example\nroute y.example smtp://192.0.2.1\nroute y.example smtp://192.0.2.2\n' >>"$C"
sendmail -bv root 'Name <u@y.example>, bare'
sendmail -bv
sendmail -bv root@@x
