# SPDX-License-Identifier: ISC
"""nullmailer and Postfix in the same story, on ext4.

PEERS=DIR is a scratch folder; nullmailer's package is downloaded and unpacked
there if it is not.  Postfix is the installed one with files of its own.
"""
import glob
import os
import pwd
import shutil
import subprocess

from figures import Missing
from relay import free_port

HERE = os.path.dirname(os.path.abspath(__file__))


def folder():
    path = os.environ.get('PEERS', '')
    if not path:
        raise Missing('PEERS=DIR, a scratch folder for their packages, '
                      'not given')
    path = os.path.abspath(path)
    os.makedirs(path, exist_ok=True)
    return path


def unpacked(package):
    """Where a package's files are."""
    top = folder()
    root = os.path.join(top, package)
    if os.path.isdir(root):
        return root
    p = subprocess.run(['apt-get', 'download', '-q', package], cwd=top,
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    found = glob.glob(os.path.join(top, package + '_*.deb'))
    if p.returncode or not found:
        raise Missing('apt-get download %s: %s' % (
            package, p.stdout.decode().strip()[-200:]))
    subprocess.run(['dpkg', '-x', found[0], root + '.new'], check=True)
    os.rename(root + '.new', root)
    return root


def nullmailer(quick, ram):
    import wear
    root = unpacked('nullmailer')
    with wear.loop_ext4(ram, 'nullmailer') as (device, place, run):
        return wear.host(os.path.join(HERE, 'nullmailer.sh'), device, quick,
                         run, ['unshare', '-m'], ROOT=root, PLACE=place)


def postfix(quick, ram):
    import postfixes
    import wear
    folder()
    if not shutil.which('postfix', path='/usr/sbin'):
        raise Missing('the package postfix')
    port, hop = free_port(), free_port()
    with wear.loop_ext4(ram, 'postfix') as (device, place, run):
        for name in ('conf', 'data'):
            os.mkdir(os.path.join(run, name), 0o755)
        os.mkdir(os.path.join(place, 'queue'), 0o755)
        os.chown(os.path.join(run, 'data'), pwd.getpwnam('postfix').pw_uid,
                 -1)
        conf = os.path.join(run, 'conf')
        postfixes.configure(conf, port, dir=run, sink=hop,
                            queue=os.path.join(place, 'queue'))
        try:
            return wear.host(os.path.join(HERE, 'postfix.sh'), device, quick,
                             run, CONF=conf, PORT=str(port), PLACE=place,
                             HOP=str(hop))
        finally:
            subprocess.run(['postfix', '-c', conf, 'stop'],
                           stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL)


PEERS = {'nullmailer': nullmailer, 'Postfix': postfix}
