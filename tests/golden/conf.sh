# SPDX-License-Identifier: ISC
# shellcheck shell=sh disable=SC1091
. tests/golden/lib.sh

# conf TEXT COMMAND...: the command with this configuration
conf() {
	# shellcheck disable=SC2059 # the text is meant as a format
	printf "$1" >"$C"
	shift
	mailmote "$@"
}

title good
conf 'hostname box.d.example\nspool /dev/null size=64K\nsmarthost smtp://h\n' check |
	sed '/^  volatile: /d; s/spool .*/spool .../'
title each command says it with 78
for command in check status queue daemon 'flush --wait' newaliases mailq; do
	# shellcheck disable=SC2086 # a command and its option
	conf 'hostnam x\n' $command
done
echo | sendmail a@b.example
title no file
rm "$C"
mailmote check
title not readable as a file
mkdir "$C"
mailmote check
rmdir "$C"
title several kinds
conf 'smarthost smtps://h\n' check
conf '\n\nretry 1h 1m\n' check
conf 'alias a b\nalias b a\n' check
conf 'smarthost submission://h user=a password-file=/x tls=try\n' check
conf 'smarthost mx\n' check
conf 'hostname \001\n' check
title secrets
for mode in 644 640 604 600; do
	echo secret >"$WORK/secret"
	chmod $mode "$WORK/secret"
	echo "mode $mode"
	conf "hostname box.d.example\nspool /dev/null\nsmarthost submission://h user=a password-file=$WORK/secret\n" check |
		sed '/^  volatile: /d; s/spool .*/spool .../'
done
rm "$WORK/secret"
conf "smarthost submission://h user=a password-file=$WORK/secret\n" check
ln -s /etc/passwd "$WORK/secret"
conf "smarthost submission://h user=a password-file=$WORK/secret\n" check
title newaliases
conf 'alias root a@b.example\n' newaliases
"$WORK/newaliases" -C "$C"
echo "exit $?"
