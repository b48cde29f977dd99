#!/bin/sh
# SPDX-License-Identifier: ISC
#
# packages.sh build|test...: install what is missing of a group of Debian
# packages.  Nothing missing: no apt call, no network, no root.

set -eu

build="build-essential dpkg-dev python3-kconfiglib"
demo="openssl ca-certificates python3"
cross="gcc-arm-linux-gnueabihf gcc-aarch64-linux-gnu gcc-mipsel-linux-gnu
	gcc-riscv64-linux-gnu gcc-s390x-linux-gnu libc6-dev-armhf-cross
	libc6-dev-arm64-cross libc6-dev-mipsel-cross libc6-dev-riscv64-cross
	libc6-dev-s390x-cross qemu-user-static"
lint="clang llvm clang-format clang-tidy cppcheck shellcheck libclang-rt-14-dev"
peers="postfix dovecot-core swaks libsasl2-modules s-nail"
callers="at bsd-mailx cron curl fail2ban git-email libmailtools-perl logwatch
	mdadm monit monitoring-plugins-standard msmtp mutt node-nodemailer php-cli smartmontools sudo
	unattended-upgrades"
tools="python3-pytest libcmocka-dev strace e2fsprogs util-linux procps git
	iproute2 faketime mandoc"

wanted=
for group; do
	case $group in
	build) wanted="$wanted $build $demo" ;;
	test) wanted="$wanted $cross $lint $peers $callers $tools" ;;
	*)
		echo "packages.sh: no group $group" >&2
		exit 64
		;;
	esac
done

missing=
for p in $wanted; do
	state=$(dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null) || :
	[ "$state" = installed ] || missing="$missing $p"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" != 0 ]; then
	echo "packages.sh: as root: apt-get install$missing" >&2
	exit 1
fi

# Mail servers are wanted as tools; their packages must not start them.
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
	trap 'rm -f "$policy"' EXIT
	trap 'exit 1' HUP INT TERM
	printf '#!/bin/sh\nexit 101\n' >$policy
	chmod +x $policy
fi

# What is here for the sake of its call of sendmail upgrades nothing.
case $missing in
*unattended-upgrades*)
	key=unattended-upgrades
	echo "$key $key/enable_auto_updates boolean false" |
		debconf-set-selections
	;;
esac

install()
{
	# shellcheck disable=SC2086
	DEBIAN_FRONTEND=noninteractive apt-get install -q -y \
		--no-install-recommends -o Dpkg::Use-Pty=0 \
		-o DPkg::Lock::Timeout=300 $missing </dev/null
}

echo "  APT  $missing"
install >/dev/null 2>&1 && exit 0
apt-get -q -o DPkg::Lock::Timeout=300 update >/dev/null || :
install
