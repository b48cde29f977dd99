# SPDX-License-Identifier: ISC
"""The rules of the house that a machine can prove.

A rule is a function of the list of sources; it yields (path, line, text) for
each breach.  RULES at the end names them all.
"""
import os
import re

FLOOR = {'base': 0, 'mail': 1, 'smtp': 2, 'conf': 2, 'spool': 2, 'net': 2,
         'relay': 3, 'cmd': 4, '': 5}
PURE = ('mail', 'smtp', 'conf', 'spool')
# The doors to the world inside rooms that are otherwise pure.
DOORS = re.compile(r'src/(spool/medium_\w+|conf/password)\.c$')

BANNED = ('strcpy', 'strcat', 'sprintf', 'strncpy', 'strncat', 'strtok',
          'strtok_r', 'atoi', 'atol', 'gets', 'alloca', 'scanf', 'sscanf',
          'fscanf', 'vsscanf', 'system', 'popen', 'snprintf', 'vsnprintf',
          'printf', 'fprintf', 'vprintf', 'vfprintf', 'dprintf', 'puts',
          'fputs', 'getaddrinfo', 'gethostbyname', 'time', 'localtime',
          'gmtime', 'strtol', 'strtoul', 'isalpha', 'isdigit', 'isspace',
          'isalnum', 'isprint', 'tolower', 'toupper', 'getenv', 'setjmp')
ALLOC = ('malloc', 'calloc', 'realloc', 'free', 'strdup', 'strndup',
         'asprintf', 'vasprintf', 'aligned_alloc', 'posix_memalign', 'sbrk')
# The one spool of a process; its memory is known when the program is linked.
STATE = re.compile(r'src/spool/ring\.c$')
FORBIDDEN_IN_PURE = re.compile(
    r'<(unistd|fcntl|poll|time|signal|stdio|stdlib|syslog|dirent|netdb|pwd|'
    r'grp|sys/.*|net/.*|netinet/.*|arpa/.*|linux/.*)\.h>')


def is_src(s):
    return s.path.startswith('src/') and s.path.endswith(('.c', '.h'))


def src(sources):
    return [s for s in sources if is_src(s)]


def layers(sources):
    """A room includes itself and lower floors only."""
    for s in src(sources):
        for line, name in s.includes():
            m = re.match(r'"([a-z0-9]+)/', name)
            if not m:
                if name.startswith('"'):
                    yield s.path, line, name + ' has no folder'
                continue
            room = m.group(1)
            if room not in FLOOR:
                yield s.path, line, 'no room ' + room
            elif room != s.room and FLOOR[room] >= FLOOR[s.room]:
                yield s.path, line, '%s may not include %s' % (s.room, room)


def include_order(sources):
    """Own header first, then libc, then ours, each block sorted."""
    for s in src(sources):
        names = list(s.includes())
        own = '"%s.h"' % s.path[4:-2]
        if names and names[0][1] == own:
            names = names[1:]
        elif own in [n for _, n in names]:
            yield s.path, 1, 'own header is not the first'
        want = sorted(names, key=lambda n: (n[1][0] == '"', n[1]))
        for (line, name), (_, right) in zip(names, want):
            if name != right:
                yield s.path, line, '%s stands where %s belongs' % (name,
                                                                    right)
                break


def banned(sources):
    """No call of a function that is unsafe, local or out of our hands."""
    for s in src(sources):
        for line, name in s.calls(BANNED):
            yield s.path, line, name
        for line, name in s.includes():
            if name in ('<stdio.h>', '<ctype.h>', '<locale.h>'):
                yield s.path, line, name


def allocation(sources):
    """No allocation."""
    for s in src(sources):
        for line, name in s.calls(ALLOC):
            yield s.path, line, name


def exits(sources):
    """Only cmd/ and main.c end the process."""
    for s in src(sources):
        if s.room in ('cmd', ''):
            continue
        for line, name in s.calls(('exit', '_exit', 'abort')):
            yield s.path, line, name


def conditionals(sources):
    """No #if inside a function body."""
    for s in src(sources):
        for name, first, last in s.functions():
            for i in range(first, last):
                if re.match(r'\s*#\s*(if|el|endif)', s.code_lines[i]):
                    yield s.path, i + 1, 'in ' + name


def purity(sources):
    """Engines make no system call and know no clock."""
    for s in src(sources):
        if s.room not in PURE or DOORS.search(s.path):
            continue
        for line, name in s.includes():
            if FORBIDDEN_IN_PURE.match(name):
                yield s.path, line, name


def no_globals(sources):
    """Engines keep no state of their own."""
    for s in src(sources):
        if s.room not in PURE or DOORS.search(s.path) or \
                STATE.search(s.path):
            continue
        for i, line in enumerate(s.code_lines, 1):
            if re.match(r'(static\s+)?(?!const\b|inline\b|extern\b|typedef\b|'
                        r'_Static_assert)[a-z][\w \t*]*[\w\]]\s*(\[[^\]]*\]\s*)?'
                        r'(=|;)', line) and not re.search(
                            r'\bconst\b|\(|^(return|struct|enum|union)\s+\w+;',
                            line):
                yield s.path, i, line.strip()


def libraries(sources):
    """TLS and DNS codecs stay behind net/."""
    for s in src(sources):
        for line, name in s.includes():
            if 'bearssl' in name and s.room != 'net':
                yield s.path, line, name
            if 'udns' in name and not s.path.startswith('src/net/resolve'):
                yield s.path, line, name


def comment_style(sources):
    """Comments are /* */ only."""
    for s in sources:
        for i, line in enumerate(s.note_lines, 1):
            if re.match(r'\s*//', line):
                yield s.path, i, line.strip()


def open_ends(sources):
    """No note of work left undone, no code commented out."""
    words = re.compile(r'\b(TO' r'DO|FIX' r'ME|XX' r'X|HA' r'CK)\b')
    dead = re.compile(r'^\s*(/\*|\*)?\s*[\w>.\[\]-]+(\(.*\)| = .*);\s*(\*/)?$')
    for s in sources:
        for i, line in enumerate(s.note_lines, 1):
            if words.search(line):
                yield s.path, i, line.strip()
            elif is_src(s) and dead.match(line):
                yield s.path, i, 'code in a comment: ' + line.strip()


def spdx(sources):
    """The licence is the first line."""
    for s in sources:
        if s.lines[0] != '/* SPDX-License-Identifier: ISC */':
            yield s.path, 1, s.lines[0]


def lengths(sources):
    """Files up to 500 lines, functions up to 80, a switch table 120."""
    for s in src(sources):
        if len(s.lines) - 1 > 500:
            yield s.path, 1, '%d lines' % (len(s.lines) - 1)
        for name, first, last in s.functions():
            body = s.code_lines[first:last]
            cases = sum(1 for l in body if re.match(r'\s*case\b', l))
            most = 120 if cases >= 10 else 80
            if last - first - 1 > most:
                yield s.path, first, '%s has %d lines' % (name,
                                                          last - first - 1)


def width(sources):
    """80 columns; a line with a string may be longer."""
    for s in src(sources):
        for i, line in enumerate(s.lines, 1):
            if len(line.expandtabs(8)) > 80 and '"' not in line:
                yield s.path, i, '%d columns' % len(line.expandtabs(8))


def _documented(s, i):
    """Line i carries a comment, or follows one without a blank line."""
    if s.note_lines[i].strip():
        return True
    for k in range(i - 1, -1, -1):
        if not s.lines[k].strip():
            return False
        if s.note_lines[k].strip() and not s.code_lines[k].strip():
            return True
        if re.match(r'[}{]|\s*#\s*(if|else|elif|endif|include)|.*[{}]$',
                    s.code_lines[k]):
            return False
    return False


def documented(sources):
    """Each function, type, field and constant of a header has a comment."""
    for s in src(sources):
        if not s.path.endswith('.h'):
            continue
        depth, stmt, inline, macro = 0, None, False, False
        for i, line in enumerate(s.code_lines):
            text = line.strip()
            inside, macro = macro, text.endswith('\\') and (
                macro or text.startswith('#'))
            if inside:
                continue
            if not text or text.startswith('#'):
                m = re.match(r'#\s*define\s+(\w+)', text)
                if m and not m.group(1).endswith('_H') and not _documented(
                        s, i):
                    yield s.path, i + 1, m.group(1) + ' is not documented'
                continue
            if depth == 0 and stmt is None:
                stmt = i
                inline = bool(re.match(r'static\b', text))
                if not text.startswith(('{', '}', '_Static_assert',
                                        'BUILD_ASSERT', 'extern "')) and \
                        not re.match(r'(struct|union|enum)\s+\w+;', text) and \
                        not _documented(s, i):
                    yield s.path, i + 1, text + ' is not documented'
            elif depth > 0 and not inline and text not in ('{', '}', '};'):
                ends = re.search(r'[;,]$', text) or depth == 1
                if ends and not text.startswith(('{', '}')) and \
                        not _documented(s, i) and \
                        not _ends_documented(s, i):
                    yield s.path, i + 1, text + ' is not documented'
            depth += text.count('{') - text.count('}')
            if depth == 0 and (text.endswith((';', '}'))):
                stmt = None


def _ends_documented(s, i):
    """A declaration over several lines with its comment on a later one."""
    for k in range(i, min(i + 4, len(s.lines))):
        if s.note_lines[k].strip() and s.code_lines[k].strip():
            return True
        if re.search(r'[;,]\s*$', s.code_lines[k]):
            return False
    return False


def must_check(sources):
    """A function of a header that returns a status is must_check."""
    for s in src(sources):
        if not s.path.endswith('.h'):
            continue
        for i, line in enumerate(s.code_lines, 1):
            before = s.code_lines[i - 2] if i > 1 else ''
            if re.match(r'int\s+\w+\(', line) and \
                    not before.strip().endswith('must_check'):
                yield s.path, i, line.strip()


def listed(_):
    """src/files.mk and the folders name the same files."""
    with open('src/files.mk') as f:
        text = f.read()
    named = set(re.findall(r'^obj-\S+ \+= (\S+)\.o$', text, re.M))
    there = set()
    for folder, _, names in os.walk('src'):
        there |= {os.path.join(folder, n)[4:-2] for n in names
                  if n.endswith('.c')}
    for name in sorted(named ^ there):
        yield 'src/files.mk', 1, name + (' is missing' if name in named
                                         else ' is not listed')


def kconfig(_):
    """Each symbol has a prompt and a help; numbers have a range."""
    with open('Kconfig') as f:
        text = f.read()
    for m in re.finditer(r'^config (\w+)\n((?:[ \t].*\n|\n)*)', text, re.M):
        name, body = m.groups()
        line = text.count('\n', 0, m.start()) + 1
        if not re.search(r'^\t(bool|int|string) "', body, re.M):
            yield 'Kconfig', line, name + ' has no prompt'
        if not re.search(r'^\thelp\n\t  \S', body, re.M):
            yield 'Kconfig', line, name + ' has no help'
        if re.search(r'^\tint ', body, re.M) and \
                not re.search(r'^\trange ', body, re.M):
            yield 'Kconfig', line, name + ' has no range'
        if len(re.findall(r'^\tdefault ', body, re.M)) != 1:
            yield 'Kconfig', line, name + ' has not one default'
        if re.search(r'^\t(select|imply|if|choice) ', body, re.M):
            yield 'Kconfig', line, name + ' is beyond board/kconfig.awk'


RULES = (layers, include_order, banned, allocation, exits, conditionals,
         purity, no_globals, libraries, comment_style, open_ends, spdx,
         lengths, width, documented, must_check, listed, kconfig)
