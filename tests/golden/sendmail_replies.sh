# SPDX-License-Identifier: ISC
# shellcheck shell=sh disable=SC1091
. tests/golden/lib.sh

# reply 'KEY=REPLY' ...: one message to a@x and b@x with these replies
reply() {
	title "$@"
	sink "$@"
	printf 'Subject: s\n\ntext\n' |
		sendmail -v -f f@x.example a@x.example b@x.example 2>&1 |
		sed -e "s/queued as [a-z2-7]\{12\}/queued as ID/" \
		-e "s/ [a-z2-7]\{12\} waits/ ID waits/"
}

reply
reply 'dot:a@x.example=250 2.0.0 queued'
reply 'dot:a@x.example=550 5.1.1 unknown'
reply 'dot:a@x.example=550 5.7.1 spam' 'dot:b@x.example=550 5.7.1 spam'
reply 'dot:a@x.example=451 4.3.0 later'
reply 'dot:a@x.example=550 5.1.1 unknown' 'dot:b@x.example=451 4.3.0 later'
reply 'rcpt:a@x.example=553 5.1.3 no domain'
reply 'rcpt:a@x.example=553 5.1.3 no domain' 'rcpt:b@x.example=553 5.1.3 no domain'
reply 'rcpt:a@x.example=550 5.7.1 no' 'rcpt:b@x.example=550 5.7.1 no'
reply 'rcpt:a@x.example=452 4.5.3 too many'
reply 'mail=452 4.3.1 the spool is full'
reply 'mail=553 5.1.7 bad sender'
reply 'mail=552 5.3.4 message is too large'
reply 'data=451 4.3.0 later'
reply 'dot:a@x.example=552 5.3.4 header is too large' 'dot:b@x.example=552 5.3.4 header is too large'
reply 'greeting=421 4.3.2 too many sessions'
reply 'greeting='
reply 'greeting=554 no'
reply 'lhlo=500 5.5.1 what?'
reply 'lhlo='
reply 'mail='
reply 'data='
reply 'dot:a@x.example='

title quiet
sink 'dot:a@x.example=550 5.1.1 unknown'
echo | sendmail -oeq -f f@x.example a@x.example
