# SPDX-License-Identifier: ISC
"""C sources as the lint rules see them: code and comments told apart."""
import re

BLOCK = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|'
                   r"'(?:\\.|[^'\\\n])*'", re.S)


def blank(text):
    """Spaces of the same shape: lines keep their numbers."""
    return re.sub(r'[^\n\t]', ' ', text)


class Source:
    """One file: text as it is, code without comments and literals, and
    comments alone, all of the same shape."""

    def __init__(self, path, text):
        self.path = path
        self.text = text
        code, notes, at = [], [], 0
        for m in BLOCK.finditer(text):
            gap = text[at:m.start()]
            piece = m.group()
            is_note = piece.startswith(('/*', '//'))
            code.append(gap)
            notes.append(blank(gap))
            if is_note:
                code.append(blank(piece))
                notes.append(piece)
            else:
                code.append(piece[0] + 'x' * (len(piece) - 2) + piece[-1])
                notes.append(blank(piece))
            at = m.end()
        code.append(text[at:])
        notes.append(blank(text[at:]))
        self.code = ''.join(code)
        self.notes = ''.join(notes)
        self.lines = text.split('\n')
        self.code_lines = self.code.split('\n')
        self.note_lines = self.notes.split('\n')
        self.room = self._room()

    def _room(self):
        m = re.search(r'src/([a-z0-9]+)/[^/]+$', self.path)
        return m.group(1) if m else ''

    def line_of(self, offset):
        return self.code.count('\n', 0, offset) + 1

    def includes(self):
        """(line number, name as written with its brackets) of each."""
        for i, line in enumerate(self.lines, 1):
            m = re.match(r'\s*#\s*include\s+(["<][^">]+[">])', line)
            if m and self.code_lines[i - 1].strip():
                yield i, m.group(1)

    def calls(self, names):
        """(line number, name) of each call of one of the names."""
        for m in re.finditer(r'(?<![\w.>])(%s)\s*\(' % '|'.join(names),
                             self.code):
            yield self.line_of(m.start()), m.group(1)

    def functions(self):
        """(name, first line, last line) of each function body: a brace in
        column 0, as the house style has it."""
        begin, name = 0, ''
        for i, line in enumerate(self.code_lines, 1):
            if line.startswith('{') and not begin:
                begin, name = i, self._name_before(i)
            elif line.startswith('}') and begin:
                yield name, begin, i
                begin = 0

    def _name_before(self, number):
        for line in reversed(self.code_lines[max(0, number - 8):number - 1]):
            m = re.match(r'[a-z].*?(\w+)\(', line)
            if m:
                return m.group(1)
        return '?'
