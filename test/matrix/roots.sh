# shellcheck shell=bash
#
# roots.sh: Debian roots to work in; for other scripts to read.
#
# Packages come from where this machine's apt and debootstrap get theirs.  What
# is mounted in a root (dev, proc, apt's settings) is mounted in a private
# namespace that ends with the command, so no way of ending it leaves a mount,
# or a process, behind.

# The Debian archive in apt's own settings; nothing where apt has none, and
# then debootstrap takes its own.
archive()
{
	# shellcheck disable=SC2016
	apt-get indextargets --format '$(ORIGIN) $(REPO_URI)' 'Created-By: Packages' |
		sed -n 's/^Debian //p' | grep -v security | sort -u | head -n 1
}

# make_root SUITE ROOT: a minimal Debian, unless it is there.  A suite newer
# than debootstrap is made as "sid" is.
make_root()
{
	local script=sid log=$2.log

	if [ -e "$2/.complete" ]; then
		return
	fi
	echo "making a root of $1 (log: $log)"
	rm -rf --one-file-system "$2"
	if [ -e "/usr/share/debootstrap/scripts/$1" ]; then
		script=$1
	fi
	unshare --mount --propagation private \
		debootstrap --variant=minbase "$1" "$2" "$(archive || true)" "$script" >"$log" 2>&1 ||
		{ tail -n 20 "$log" >&2; return 1; }
	# Packages must start no service.
	printf '#!/bin/sh\nexit 101\n' > "$2/usr/sbin/policy-rc.d"
	chmod 755 "$2/usr/sbin/policy-rc.d"
	touch "$2/.complete"
}

# enter ROOT COMMAND ...: runs a command in the root, as root, with its own
# environment.  NETWORK=no leaves it without a network.
enter()
{
	local root=$1 apart=

	shift
	if [ "${NETWORK:-yes}" = no ]; then
		apart=--net
	fi
	# shellcheck disable=SC2016,SC2086
	unshare --mount --propagation private --pid --fork --kill-child $apart /bin/sh -c '
		set -eu
		root=$1
		shift
		mount -t proc proc "$root/proc"
		mount --bind /dev "$root/dev"
		mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
		cat /etc/resolv.conf > "$root/etc/resolv.conf"
		for folder in apt.conf.d auth.conf.d; do
			if [ -d "/etc/apt/$folder" ]; then
				mkdir -p "$root/etc/apt/$folder"
				mount --bind "/etc/apt/$folder" "$root/etc/apt/$folder"
			fi
		done
		exec chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin \
			LC_ALL=C.UTF-8 HOME=/root DEBIAN_FRONTEND=noninteractive "$@"
	' enter "$root" "$@"
}
