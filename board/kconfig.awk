# SPDX-License-Identifier: ISC
#
# Reads Kconfig, then a .config, and writes what the build needs, so that a
# complete .config needs no Python:
#
#   awk -f kconfig.awk -v want=h  Kconfig .config   the C header
#   awk -f kconfig.awk -v want=mk Kconfig .config   the make variables
#   awk -f kconfig.awk -v want=missing Kconfig .config
#                            symbols that are visible and not mentioned
#
# Every bool becomes ENABLE_X 0 or 1, every number and string CONFIG_X.  A
# symbol that is invisible has no line in .config: a bool is 0 then, a number
# or string has its default.  epoch=N replaces RELEASE_EPOCH.

FILENAME != seen { seen = FILENAME; nfile++ }

nfile == 1 && $1 == "config" { sym = $2; name[++n] = sym; next }
nfile == 1 && ($1 == "bool" || $1 == "int" || $1 == "string") { type[sym] = $1 }
nfile == 1 && $1 == "default" { sub(/^[ \t]*default[ \t]+/, ""); dflt[sym] = $0 }
nfile == 1 && $1 == "depends" { sub(/^[ \t]*depends on[ \t]+/, ""); dep[sym] = $0 }

nfile == 2 && /^CONFIG_[A-Z0-9_]+=/ {
	sym = substr($0, 8, index($0, "=") - 8)
	value[sym] = substr($0, index($0, "=") + 1)
	named[sym] = 1
}
nfile == 2 && /^# CONFIG_[A-Z0-9_]+ is not set$/ { named[substr($2, 8)] = 1 }

function holds_all(text,   part, k, i, neg)
{
	k = split(text, part, /[ \t]*&&[ \t]*/)
	for (i = 1; i <= k; i++) {
		neg = sub(/^!/, "", part[i])
		if ((value[part[i]] == "y") == (neg > 0))
			return 0
	}
	return 1
}

function visible(s,   part, k, i)
{
	if (!(s in dep))
		return 1
	k = split(dep[s], part, /[ \t]*\|\|[ \t]*/)
	for (i = 1; i <= k; i++)
		if (holds_all(part[i]))
			return 1
	return 0
}

END {
	if (want == "h")
		print "/* Made from .config: do not edit. */"
	if (want == "mk")
		print "# Made from .config: do not edit."
	for (i = 1; i <= n; i++) {
		s = name[i]
		v = (s in value) ? value[s] : dflt[s]
		if (s == "RELEASE_EPOCH" && epoch != "")
			v = epoch
		if (want == "missing" && visible(s) && !(s in named))
			print s
		if (type[s] == "bool") {
			on = (visible(s) && value[s] == "y")
			if (want == "h")
				print "#define ENABLE_" s " " on
			if (want == "mk")
				print "CONFIG_" s " := " (on ? "y" : "")
		} else if (want == "h") {
			print "#define CONFIG_" s " " v
		}
	}
}
