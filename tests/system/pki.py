# SPDX-License-Identifier: ISC
"""A certification authority for tests, made with the openssl command.

Each leaf is a pair (chain file, key file); good is for the name localhost.
"""
import base64
import hashlib
import os
import subprocess

CONFIG = '''
[ca]
default_ca = d
[d]
database = %(dir)s/index
new_certs_dir = %(dir)s
serial = %(dir)s/serial
default_md = sha256
default_days = 3650
policy = p
unique_subject = no
email_in_dn = no
rand_serial = yes
[p]
commonName = supplied
[req]
distinguished_name = dn
prompt = no
[dn]
[root]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[leaf]
basicConstraints = CA:FALSE
[named]
basicConstraints = CA:FALSE
subjectAltName = %(san)s
'''

# kind: (key, signed by, extensions, subjectAltName, begins, ends, CN)
LEAVES = {
    'good': ('rsa', 'mid', 'named', 'DNS:localhost', None, None, 'localhost'),
    'ec': ('ec', 'mid', 'named', 'DNS:localhost', None, None, 'localhost'),
    'expired': ('rsa', 'mid', 'named', 'DNS:localhost', '20240101000000Z',
                '20250101000000Z', 'localhost'),
    'future': ('rsa', 'mid', 'named', 'DNS:localhost', '20400101000000Z',
               '20410101000000Z', 'localhost'),
    'wrong-name': ('rsa', 'mid', 'named', 'DNS:mail.example.net', None, None,
                   'localhost'),
    'cn-only': ('rsa', 'mid', 'leaf', '', None, None, 'localhost'),
    'other-ca': ('rsa', 'other', 'named', 'DNS:localhost', None, None,
                 'localhost'),
    'self-signed': ('rsa', None, 'named', 'DNS:localhost', None, None,
                    'localhost'),
}


class Pki:
    """Root, intermediate and the leaves, below one folder."""

    def __init__(self, folder, kinds=None):
        self.folder = folder
        os.makedirs(folder, exist_ok=True)
        open(self.path('index'), 'w').close()
        self.authority('root', None)
        self.authority('mid', 'root')
        kinds = kinds or LEAVES
        if 'other-ca' in kinds:
            self.authority('other', None)
        for kind in kinds:
            self.leaf(kind, *LEAVES[kind])
        self.bundle = self.path('root.crt')

    def path(self, name):
        return os.path.join(self.folder, name)

    def run(self, *words):
        p = subprocess.run(['openssl', *words], stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, cwd=self.folder)
        assert p.returncode == 0, p.stdout.decode()

    def config(self, san):
        with open(self.path('ca.cnf'), 'w') as f:
            f.write(CONFIG % {'dir': self.folder, 'san': san or 'DNS:none'})
        return 'ca.cnf'

    def key(self, name, kind):
        more = ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048']
        if kind == 'ec':
            more = ['-algorithm', 'EC', '-pkeyopt',
                    'ec_paramgen_curve:P-256']
        self.run('genpkey', *more, '-out', name + '.key')

    def sign(self, name, parent, extensions, san, begins, ends, common):
        config = self.config(san)
        self.run('req', '-new', '-config', config, '-key', name + '.key',
                 '-subj', '/CN=' + common, '-out', name + '.csr')
        words = ['ca', '-batch', '-notext', '-config', config, '-extensions',
                 extensions, '-in', name + '.csr', '-out', name + '.one',
                 '-startdate', begins or '20200101000000Z',
                 '-enddate', ends or '20450101000000Z']
        if parent:
            words += ['-cert', parent + '.crt', '-keyfile', parent + '.key']
        else:
            words += ['-selfsign', '-keyfile', name + '.key']
        self.run(*words)

    def authority(self, name, parent):
        self.key(name, 'rsa')
        self.sign(name, parent, 'root', '', None, None, 'mailmote ' + name)
        os.rename(self.path(name + '.one'), self.path(name + '.crt'))

    def leaf(self, kind, key, parent, extensions, san, begins, ends, common):
        self.key(kind, key)
        self.sign(kind, parent, extensions, san, begins, ends, common)
        parts = [kind + '.one']
        if parent == 'mid':
            parts.append('mid.crt')
        with open(self.path(kind + '.chain'), 'w') as out:
            for part in parts:
                with open(self.path(part)) as f:
                    out.write(f.read())

    def pin(self, kind):
        """What a key pin=sha256: of a leaf's key says."""
        key = subprocess.run(
            ['openssl', 'pkey', '-in', self.pair(kind)[1], '-pubout',
             '-outform', 'DER'], stdout=subprocess.PIPE, check=True).stdout
        return base64.b64encode(hashlib.sha256(key).digest()).decode()

    def pair(self, kind):
        return self.path(kind + '.chain'), self.path(kind + '.key')
