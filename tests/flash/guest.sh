# shellcheck shell=sh
# SPDX-License-Identifier: ISC
#
# The guest's script: makes a medium, then wear.sh.  ./cfg says FS (ubifs-nand,
# ubifs-nor, jffs2-nor, f2fs, ext4, or block), OPT (mount options) and what
# wear.sh wants.  NAND: 128 MiB, pages of 2 KiB, blocks of 128 KiB; NOR: 16 MiB,
# sectors of 64 KiB; f2fs, ext4, block: the virtio disk.
set -eu
. ./cfg

# Bytes programmed: what the lab's probes of MTD counted, or the disk's sectors.
count()
{
	case $FS in
	*-nand | *-nor) awk '$1 == "{" { n += $3 * $6 } END { printf "%.0f\n", n }' \
		/sys/kernel/tracing/events/kprobes/fw/hist ;;
	*) awk '{ printf "%.0f\n", $7 * 512 }' /sys/block/vda/stat ;;
	esac
}

case $FS in
*-nand) . ./trace-mtd.sh; modprobe nandsim id_bytes=0xec,0xa1,0x00,0x15 ;;
*-nor) . ./trace-mtd.sh; modprobe mtdram total_size=16384 erase_size=64 ;;
esac
case $FS in
ubifs-*)
	modprobe ubifs
	./flt ubiattach 0
	./flt ubimkvol 0 spool 0
	mount -t ubifs -o "rw$OPT" ubi0:spool /mnt ;;
jffs2-*)
	modprobe mtdblock
	modprobe jffs2
	mount -t jffs2 -o "rw$OPT" /dev/mtdblock0 /mnt ;;
ext4 | f2fs)
	modprobe "$FS"
	mount -t "$FS" -o "rw$OPT" /dev/vda /mnt ;;
esac
ifconfig lo 127.0.0.1
echo 'nobody:x:65534:65534::/:/bin/false' >/etc/passwd
echo 'nobody:x:65534:' >/etc/group
mkdir /tmp/run
DRIVE=/lab/drive HOP=2525 MOTE=/lab/mailmote RUN=/tmp/run
SPOOL="/mnt/mail/spool size=5M"
if [ "$FS" = block ]; then
	SPOOL=/dev/vda
else
	df -k /mnt | tail -1
fi
. ./mailmote.sh
. ./wear.sh
wear_all
