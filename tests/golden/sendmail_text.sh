# SPDX-License-Identifier: ISC
# shellcheck shell=sh disable=SC1091
. tests/golden/lib.sh
F='-f a@b.example u@x.example'

# shellcheck disable=SC2086 # options and their arguments
{
	title line ends
	send 'Subject: lf\n\none\ntwo' $F
	send 'Subject: crlf\r\n\r\none\r\ntwo\r\n' $F
	send 'Subject: mixed\r\n\none\r\r\ntwo\n' $F
	send 'Subject: bare\n\none\rtwo\n' $F
	title nothing, no header, no body
	send '' $F
	send '\n' $F
	send 'just text: no\nmore\n' $F
	send 'just text\n' $F
	send ' indented first line\n' $F
	send 'Subject: header only' $F
	send 'Subject: header only\n' $F
	send 'Subject: header only\n\n' $F
	title mbox
	send 'From a@b Thu Jan  1 00:00:00 1970\nSubject: s\n\nFrom inside\n' $F
	send '>From a@b Thu Jan  1 00:00:00 1970\nSubject: s\n\ntext\n' $F
	title dots
	send 'Subject: s\n\none\n.\ntwo\n' $F
	send 'Subject: s\n\none\n.\ntwo\n' $F -i
	send 'Subject: s\n\none\n.\ntwo\n' $F -oi
	send 'Subject: s\n\none\n.\ntwo\n' $F -O IgnoreDots=true
	send 'Subject: s\n\n.one\n..\n...\n. \n' $F
	send 'Subject: s\n\none\r\n.\r\ntwo\r\n' $F
	send '.\n' $F
	title NUL and 8-bit
	send 'Subject: s\n\na\000b\303\244\377\n' $F
	send 'Subject: \303\244\n\ntext\n' $F
}

title a line of 5 MiB: the daemon gets it whole
sink
{
	printf 'Subject: s\n\n'
	head -c 5242880 /dev/zero | tr '\0' z
	echo
} >"$WORK/long"
# shellcheck disable=SC2086
sendmail $F <"$WORK/long"
env_of
tr -d ' \r\n' <"$WORK/got/1.msg" | tr -cd z | wc -c
title the same without a header
tail -n 1 "$WORK/long" >"$WORK/body"
# shellcheck disable=SC2002,SC2086 # it shall be a pipe
cat "$WORK/body" | sendmail $F
head -n 3 "$WORK/got/2.msg" | cut -c 1-50 | cat -v
tr -cd z <"$WORK/got/2.msg" | wc -c

# A header of exactly N bytes, and a body.
header() {
	printf 'Subject: '
	head -c "$(($1 - 11))" /dev/zero | tr '\0' h
	printf '\r\n\r\nbody\r\n'
}
title the limit of the header
for n in 32767 32768 32769; do
	echo "$n"
	# shellcheck disable=SC2086
	header $n | sendmail $F -v
done
title and of one that never ends
# shellcheck disable=SC2086
yes 'X-Field: x' | head -n 100000 | sendmail $F

title more than the pipe holds before the end
# shellcheck disable=SC2086
{
	printf 'Subject: s\n\n'
	seq 1 30000
} | sendmail $F
tail -n 2 "$WORK"/got/*.msg | tail -n 1
title input that is a folder
# shellcheck disable=SC2086
sendmail $F </
