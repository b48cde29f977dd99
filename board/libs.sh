#!/bin/sh
# SPDX-License-Identifier: ISC
#
# libs.sh musl SRC OUT TRIPLET MUSL_TARGET      the C library and OUT/cc
# libs.sh bearssl|udns SRC OUT CC [FLAG...]     OUT/lib/*.a and OUT/include
#
# Builds one library for one target from its unpacked source.  Nothing below
# SRC is changed.  TRIPLET "native" means the machine's own gcc.

set -eu

what=$1
src=$(cd "$2" && pwd)
mkdir -p "$3/lib" "$3/include" "$3/tmp"
out=$(cd "$3" && pwd)
# The options of a make that calls us are not for the library's own make.
unset MAKEFLAGS MFLAGS MAKEOVERRIDES CFLAGS LDFLAGS CPPFLAGS

# One at a time; what another has just built with the same words is taken.
exec 9>"$out/lock.$what"
flock 9
shift 3
key="$src $*"
if [ -f "$out/$what.key" ] && [ "$(cat "$out/$what.key")" = "$key" ]; then
	[ "$what" != musl ] || touch "$out/cc"
	[ "$what" = musl ] || touch "$out/lib/lib$what.a"
	exit 0
fi

musl()
{
	triplet=$1 target=${2-} prefix=$triplet-
	kernel=/usr/$triplet/include
	asm=$kernel/asm
	if [ "$triplet" = native ]; then
		prefix='' kernel=/usr/include target=''
		asm=/usr/include/$(gcc -dumpmachine)/asm
	fi
	rm -rf "$out/tmp/musl"
	mkdir -p "$out/tmp/musl"
	cd "$out/tmp/musl"
	"$src/configure" --prefix="$out/musl" --syslibdir="$out/musl/lib" \
		--disable-shared ${target:+--target="$target"} \
		CC="${prefix}gcc" CROSS_COMPILE="$prefix" \
		CFLAGS="-Os -ffunction-sections -fdata-sections"
	make -j2
	make install
	# The kernel's own headers, which the specs below hide.
	ln -sfn "$kernel/linux" "$out/musl/include/linux"
	ln -sfn "$kernel/asm-generic" "$out/musl/include/asm-generic"
	ln -sfn "$asm" "$out/musl/include/asm"
	sh "$src/tools/musl-gcc.specs.sh" "$out/musl/include" \
		"$out/musl/lib" /lib/ld-musl.so.1 >"$out/musl.specs"
	# shellcheck disable=SC2016
	printf '#!/bin/sh\nexec %sgcc "$@" -specs "%s"\n' \
		"$prefix" "$out/musl.specs" >"$out/cc.new"
	chmod +x "$out/cc.new"
	mv "$out/cc.new" "$out/cc"
}

# compile NAME FLAGS SOURCES... compiles with $cc, no more than two at once
compile()
{
	mkdir -p "$out/tmp/$1"
	cd "$out/tmp/$1"
	words=$2
	shift 2
	# $cc and $words are lists of words
	# shellcheck disable=SC2086
	printf '%s\n' "$@" | xargs -P 2 -n 24 $cc $words -w -c
}

# archive NAME: of what was compiled
archive()
{
	name=$1
	cd "$out/tmp/$name"
	rm -f "$out/lib/lib$name.a.new"
	printf '%s\n' ./*.o | LC_ALL=C sort | xargs ar rcsD "$out/lib/lib$name.a.new"
	mv "$out/lib/lib$name.a.new" "$out/lib/lib$name.a"
}

bearssl()
{
	cp "$src"/inc/*.h "$out/include/"
	flags="$flags -I$src/inc -I$src/src -DBR_AES_X86NI=0 -DBR_SSE2=0
		-DBR_RDRAND=0 -DBR_POWER8=0 -std=gnu11"
	rm -rf "$out/tmp/bearssl"
	# The protocol may be slow; ciphers and arithmetic may not.
	# shellcheck disable=SC2046
	compile bearssl "$flags" $(find "$src/src/ssl" "$src/src/x509" -name '*.c')
	# shellcheck disable=SC2046
	compile bearssl "$(echo "$flags" | sed 's/-mips16//')" \
		$(find "$src/src" ! -path '*/ssl/*' ! -path '*/x509/*' -name '*.c')
	archive bearssl
}

udns()
{
	cp "$src/udns.h" "$out/include/"
	flags="$flags -I$src -DHAVE_POLL=1 -DHAVE_IPv6=1
		-DHAVE_INET_PTON_NTOP=1 -DNDEBUG"
	rm -rf "$out/tmp/udns"
	compile udns "$flags" "$src"/udns_*.c
	archive udns
}

if [ "$what" = musl ]; then
	musl "$@" >"$out/tmp/musl.log" 2>&1 || {
		tail -n 20 "$out/tmp/musl.log" >&2
		exit 1
	}
else
	cc=$1
	shift
	flags=$*
	"$what"
fi
echo "$key" >"$out/$what.key"
rm -rf "$out/tmp/$what"
