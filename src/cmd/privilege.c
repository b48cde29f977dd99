/* SPDX-License-Identifier: ISC */
/* cmd/privilege.c - see cmd/privilege.h. */
#include "cmd/privilege.h"

#include <errno.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fdio.h"
#include "cmd/cmd.h"
#include "cmd/passwd.h"

/*
 * The kernel's own calls: the C library's ones speak to threads, which there
 * are none of, and take 2 kB for it.  Of some machines the plain numbers are
 * those of 16-bit identifiers.
 */
#ifdef SYS_setresuid32
#define SETGROUPS SYS_setgroups32
#define SETRESGID SYS_setresgid32
#define SETRESUID SYS_setresuid32
#else
#define SETGROUPS SYS_setgroups
#define SETRESGID SYS_setresgid
#define SETRESUID SYS_setresuid
#endif

/* Bytes of a path that is handled here. */
#define PATH_CAP 256

static int find_user(const struct conf *c, struct passwd_entry *e)
{
	char name[64];
	struct buf b = BUF_ON(name);

	buf_put_slice(&b, c->user);
	if (buf_cstr(&b) == NULL || b.overflow)
		return -ENOENT;
	int err = passwd_find(name, 0, e);
	if (err < 0 && slice_eq(c->user, slice_str(CONFIG_USER)))
		err = passwd_find("nobody", 0, e);
	return err;
}

int privilege_find(const struct conf *c, struct privilege *p)
{
	struct passwd_entry e;

	*p = (struct privilege){ (uint32_t)geteuid(), (uint32_t)getegid(),
				 false };
	if (p->uid != 0)
		return 0;
	bool found = find_user(c, &e) == 0;
	/* A system without users has nobody else to be. */
	if (!found && ENABLE_DIRECT && c->user_default)
		return 0;
	if (!found) {
		cmd_err("there is no user \"%.*s\" to run as (key user)",
			(int)c->user.n, c->user.p);
		return EXIT_CONFIG_;
	}
	if (e.uid == 0) {
		cmd_err("key user: root is not allowed");
		return EXIT_CONFIG_;
	}
	*p = (struct privilege){ e.uid, e.gid, true };
	return 0;
}

int privilege_drop(const struct privilege *p)
{
	if (p->root && (syscall(SETGROUPS, 0, NULL) < 0 ||
			syscall(SETRESGID, p->gid, p->gid, p->gid) < 0 ||
			syscall(SETRESUID, p->uid, p->uid, p->uid) < 0)) {
		cmd_err("root cannot be given up (error %d)", errno);
		return EXIT_SYSTEM;
	}
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0) {
		cmd_err("privileges cannot be given up (error %d)", errno);
		return EXIT_SYSTEM;
	}
	return 0;
}

/*
 * Has another user made one of the folders in name, or a link for one, where
 * everybody may?  He could take away what we put there, or give us his own.
 */
static bool is_squatted(const struct privilege *p, char *name)
{
	bool open = false;

	for (char *at = name; *at != '\0';) {
		struct stat own, st;

		at += 1 + strcspn(at + 1, "/");
		char end = *at;
		*at = '\0';
		bool there = lstat(name, &own) == 0 && stat(name, &st) == 0;
		*at = end;
		if (open && there && own.st_uid != 0 && own.st_uid != p->uid &&
		    own.st_uid != geteuid())
			return true;
		if (!there)
			return false;
		open = (st.st_mode & S_IWOTH) != 0;
	}
	return false;
}

int privilege_make_folder(const struct privilege *p, struct slice path)
{
	char folder[PATH_CAP];
	struct buf b = BUF_ON(folder);
	ptrdiff_t end = slice_rfind(path, '/');
	struct stat st;

	if (end <= 0)
		return 0;
	buf_put(&b, path.p, (size_t)end);
	const char *name = buf_cstr(&b);

	if (b.overflow)
		return -ENAMETOOLONG;
	if (is_squatted(p, folder))
		return -EPERM;
	if (stat(name, &st) == 0)
		return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
	int err = fdio_make_dirs(name);

	if (err < 0)
		return err;
	if (p->root && lchown(name, p->uid, p->gid) < 0)
		return -errno;
	return 0;
}
