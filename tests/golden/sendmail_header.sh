# SPDX-License-Identifier: ISC
# shellcheck shell=sh disable=SC1091
. tests/golden/lib.sh
F='-f a@b.example'

title recipients of the header
# shellcheck disable=SC2086 # options and their arguments
{
	send 'To: One <1@x.example>,\n\t"Two, T" <2@x.example> (comment, too),\n 3@x.example\nCc : friends: 4@x.example, 5@x.example;\nTO: 1@X.example\nbcc:6@x.example,\n 7@x.example\nSubject: s\n\ntext\nTo: 8@x.example\n' -t $F
	send 'To: staff, =?utf-8?Q?M=C3=BCller?= <m@x.example>\nCc: <@r1.example,@r2.example:u@x.example>,\n\ntext\n' -t $F
	send 'To: 1@x.example\n\ntext\n' -t $F 2@x.example 1@x.example
	send 'To: 1@x.example\nBcc: 3@x.example\n\ntext\n' $F 2@x.example
	send 'To: undisclosed-recipients:;\nBcc: 1@x.example\n\ntext\n' -t $F
	send 'To: "quoted local"@x.example\n\n' -t $F
	title resent
	send 'Resent-To: 1@x.example\nResent-Bcc: 2@x.example\nTo: 3@x.example\nCc: 4@x.example\n\ntext\n' -t $F
	title what never leaves
	send 'BCC :1@x.example,\n\t2@x.example\nReturn-Path: <x@y.example>\nContent-Length: 9\nresent-bcc: 3@x.example\nSubject: s\n\nBcc: stays\n' $F u@x.example
	title no recipients
	send 'Subject: s\n\ntext\n' -t $F
	send '' -t $F
	title From
	send 'From: own@x.example\n\n' $F u@x.example
	send '\n' $F -F 'Plain Name' u@x.example
	send '\n' $F -F 'Dr. "Q" \\ Name' u@x.example
	send '\n' $F -F "$(printf 'M\303\274ller')" u@x.example
	send '\n' $F -F "$(printf '\303\244%.0s' 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30)" u@x.example
	send '\n' -f bare u@x.example
}
title the domain of the sender is unknown
printf 'socket %s\n' "$S" >"$C"
send '\n' -f bare u@x.example
