# SPDX-License-Identifier: ISC
# shellcheck shell=sh disable=SC1091
. tests/golden/lib.sh

for line in queue 'queue --json' status 'status --json' flush 'flush --wait' \
	'remove --all' 'show' 'show a b' 'show x' 'show k7x2m5qhta3w' hold \
	'hold k7x2m5qhta3w' 'release k7x2m5qhta3w x' 'remove' 'queue x' \
	'flush --all' 'status --wait'; do
	title "$line"
	# shellcheck disable=SC2086 # words
	mailmote $line 2>&1
done
title mailq, and what others add to it
"$WORK/mailq" -C "$C"
"$WORK/mailq" -v -C "$C"
"$WORK/sendmail" -C "$C" -bp
