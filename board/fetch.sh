#!/bin/sh
# SPDX-License-Identifier: ISC
#
# fetch.sh CACHE NAME VERSION SHA256: have CACHE/src/NAME-VERSION, unpacked
# from Debian's source package NAME.  Uses a private apt configuration made
# from the machine's own sources; /etc/apt (APT_ETC) is read and never changed.

set -eu

cache=$1 name=$2 version=$3 sum=$4
mkdir -p "$cache/apt/lists/partial" "$cache/apt/archives/partial" "$cache/src"
cache=$(cd "$cache" && pwd)
etc=${APT_ETC:-/etc/apt}
tree=$cache/src/$name-$version
[ ! -f "$tree/.ready" ] || exit 0

# Both forms of the machine's sources become deb-src lines of one deb822 file.
# Only Debian's own suites: another vendor's have no sources.
debian_sources()
{
	# shellcheck disable=SC1091
	codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
	find "$etc" -maxdepth 2 -name '*.sources' -exec cat {} + -exec echo \; |
		awk -v code="$codename" '
		function flush() {
			if (suites != "" && uris != "" && !off)
				printf "Types: deb-src\nURIs:%s\nSuites:%s\n" \
				       "Components: main\n%s\n",
				       uris, suites, key
			uris = suites = key = off = ""
		}
		NF == 0 { flush(); incont = 0; next }
		/^[ \t]/ { if (incont) key = key $0 "\n"; next }
		{ incont = 0 }
		/^Enabled: *(no|false|0)/ { off = 1 }
		/^URIs:/ { sub(/^URIs:/, ""); uris = $0 }
		/^Suites:/ {
			for (i = 2; i <= NF; i++)
				if ($i == code || $i == code "-updates" ||
				    $i == code "-security")
					suites = suites " " $i
		}
		/^Signed-By:/ { key = $0 "\n"; incont = 1 }
		END { flush() }'
	find "$etc" -maxdepth 2 -name '*.list' -exec cat {} + |
		awk -v code="$codename" '
		$1 == "deb" {
			opt = ""; i = 2
			if ($2 ~ /^\[/)
				for (; i <= NF; i++) {
					if ($i ~ /signed-by=/)
						opt = $i
					if ($i ~ /\]$/) { i++; break }
				}
			gsub(/[][]/, "", opt)
			sub(/^signed-by=/, "", opt)
			s = $(i + 1)
			if (s != code && s != code "-updates" &&
			    s != code "-security")
				next
			printf "Types: deb-src\nURIs: %s\nSuites: %s\n" \
			       "Components: main\n", $i, s
			if (opt != "")
				print "Signed-By: " opt
			print ""
		}'
}

apt_private()
{
	apt-get -q \
		-o Dir::Etc::sourcelist="$cache/apt/src.sources" \
		-o Dir::Etc::sourceparts=- \
		-o Dir::State::lists="$cache/apt/lists" \
		-o Dir::Cache::archives="$cache/apt/archives" \
		-o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= \
		-o APT::Sandbox::User=root \
		-o Acquire::Languages=none \
		-o Acquire::Retries=3 "$@" >"$cache/apt/log" 2>&1 || {
		tail -n 20 "$cache/apt/log" >&2
		exit 1
	}
}

# The whole fetch is one at a time: several libraries may be wanted at once.
exec 9>"$cache/apt/lock"
flock 9
cd "$cache/src"
tarball=
for t in "${name}_$version".orig.tar.*; do
	case $t in *.asc | *'*') ;; *) tarball=$t ;; esac
done
if [ -z "$tarball" ]; then
	debian_sources >"$cache/apt/src.sources"
	[ -s "$cache/apt/src.sources" ] || {
		echo "fetch.sh: no Debian source found below $etc" >&2
		exit 1
	}
	if [ ! -f "$cache/apt/fresh" ]; then
		apt_private update
		: >"$cache/apt/fresh"
	fi
	apt_private --download-only --only-source source "$name"
	for t in "${name}_$version".orig.tar.*; do
		case $t in *.asc | *'*') ;; *) tarball=$t ;; esac
	done
fi
[ -n "$tarball" ] || {
	echo "fetch.sh: the archive has no $name $version" >&2
	exit 1
}
echo "$sum  $tarball" | sha256sum -c --quiet - || {
	rm -f "$tarball"
	exit 1
}
rm -rf "$tree" "$tree.new"
mkdir "$tree.new"
tar -C "$tree.new" --strip-components=1 --no-same-owner -xf "$tarball"
: >"$tree.new/.ready"
mv "$tree.new" "$tree"
