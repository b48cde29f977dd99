# shellcheck shell=sh
# SPDX-License-Identifier: ISC
#
# The guest's script: each way of stamp.c on ext4.  ./cfg says OPTIONS, one or
# more sets of mount options.  Prints: STAMP OPTIONS WAY AT-ONCE LATER, bytes at
# once and 60 s later.
set -eu
. ./cfg
count()
{
	awk '{ printf "%.0f\n", $7 * 512 }' /sys/block/vda/stat
}

modprobe ext4
n=0
lone()
{
	n=$((n + 1))
	sleep 120
	from=$(count)
	./stamp "$2" /mnt/file $n
	once=$(count)
	sleep 60
	echo "STAMP $1 $2 $((once - from)) $(($(count) - from))"
}

for options in $OPTIONS; do
	mount -t ext4 -o "$options" /dev/vda /mnt
	./stamp new /mnt/file
	for way in fdatasync fsync dsync rwf direct mmap-msync mmap-fdatasync \
		range utime two none; do
		lone "$options" $way
	done
	umount /mnt
done
