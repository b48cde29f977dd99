# SPDX-License-Identifier: ISC
# shellcheck shell=sh disable=SC1091
. tests/golden/lib.sh

# many N: the message to N recipients, from standard input
many() {
	# shellcheck disable=SC2046 # words
	sendmail -f f@x.example $(seq -f 'r%g@x.example' 1 "$1")
	for file in "$WORK"/got/*.env; do
		grep -c RCPT "$file"
	done
	for file in "$WORK"/got/*.msg; do
		cksum <"$file"
	done
}

for n in 99 100 101 250; do
	title "$n recipients, from a pipe"
	sink
	printf 'Subject: s\n\ntext\n' | many $n
done
title '201 recipients, a large message from a pipe'
sink
{
	printf 'Subject: s\n\n'
	seq 1 30000
} | many 201
title '201 recipients, a large message from a file'
sink
{
	printf 'skipped\nSubject: s\n\n'
	seq 1 30000
} >"$WORK/file"
{
	read -r _
	many 201
} <"$WORK/file"
title some are left for the next transaction
sink 'rcpt:r2@x.example=452 4.5.3 too many' 'rcpt:r3@x.example=452 4.5.3 too many'
printf 'Subject: s\n\ntext\n' | many 3
title all have to wait, one line says so
sink 'mail=452 4.3.1 the spool is full'
printf 'Subject: s\n\ntext\n' | sendmail -f f@x.example a@x.example b@x.example
