#!/bin/sh
# Makes the disk of a fresh VPS, for the tests in e2e/vps: vps-root.sh DIRECTORY. Prints the path of the disk image, and beside it
# lie `vmlinuz` and `initrd`. What is there already for the same recipe is used again: the recipe is this file. Needs root.
#
# Debian as a provider would hand it out, with systemd, Docker and make, and nothing of ours but a shell on a virtio port.
set -eu

recipe=$(cksum <"$0" | cut -d ' ' -f 1)
place=$(realpath -m "${1:?usage: vps-root.sh DIRECTORY}")/$recipe
if [ -e "$place/disk.img" ]; then
    echo "$place/disk.img"
    exit 0
fi

for tool in mmdebstrap mke2fs; do
    command -v $tool >/dev/null || {
        echo "vps-root.sh: $tool is missing; docker/test-vps.sh installs it" >&2
        exit 1
    }
done

mkdir -p "$place"
work=$(mktemp -d "$place/making.XXXXXX")
trap 'rm -rf "$work"' EXIT

# The machine's date checks, word for word, as for the image's base.
apt-config dump | grep -E '^Acquire::(Check-Valid-Until|Check-Date|Max-FutureTime) ' >"$work/dates" || true
set --
while read -r line; do
    set -- "$@" --aptopt="$line"
done <"$work/dates"

packages=systemd,systemd-sysv,udev,dbus,iproute2,kmod,procps,e2fsprogs,make,ca-certificates
packages=$packages,docker.io,docker-cli,docker-compose,iptables,apparmor,linux-image-cloud-amd64
mmdebstrap --variant=minbase --include="$packages" "$@" \
    --aptopt='APT::Install-Recommends "false"' \
    --dpkgopt='path-exclude=/usr/share/doc/*' \
    --dpkgopt='path-exclude=/usr/share/info/*' \
    --dpkgopt='path-exclude=/usr/share/locale/*' \
    --dpkgopt='path-exclude=/usr/share/man/*' \
    forky "$work/root" >&2

root=$work/root
cp "$root"/boot/vmlinuz-* "$work/vmlinuz"
cp "$root"/boot/initrd.img-* "$work/initrd"

echo vps >"$root/etc/hostname"
echo '/dev/vda / ext4 defaults 0 1' >"$root/etc/fstab"
mkdir -p "$root/etc/systemd/system/multi-user.target.wants"
# Nobody fetches anything during a test, and nobody logs in.
for unit in serial-getty@ttyS0.service getty@tty1.service apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer fstrim.timer dpkg-db-backup.timer man-db.timer; do
    ln -sf /dev/null "$root/etc/systemd/system/$unit"
done
# The journal survives the power cut.
mkdir -p "$root/var/log/journal"

# One request a line: a number and a script in base64. The answer: the number, the exit code, the output in base64.
cat >"$root/usr/local/sbin/test-shell" <<'SHELL'
#!/bin/bash
port=/dev/virtio-ports/test.shell
until [ -e $port ]; do sleep 0.2; done
exec 3<>"$port"
echo ready >&3
while read -r number script <&3; do
    out=$(mktemp)
    base64 -d <<<"$script" >"$out.sh"
    bash "$out.sh" >"$out" 2>&1 </dev/null 3>&-
    echo "$number $? $(base64 -w 0 <"$out")" >&3
    rm -f "$out" "$out.sh"
done
SHELL
chmod 0755 "$root/usr/local/sbin/test-shell"
cat >"$root/etc/systemd/system/test-shell.service" <<'UNIT'
[Unit]
Description=A root shell for the test
After=local-fs.target systemd-udev-trigger.service

[Service]
ExecStart=/usr/local/sbin/test-shell
Restart=always
OOMScoreAdjust=-900
UNIT
ln -s ../test-shell.service "$root/etc/systemd/system/multi-user.target.wants/"

mke2fs -q -t ext4 -L root -d "$root" "$work/disk.img" 8G
mv "$work/vmlinuz" "$work/initrd" "$place/"
mv "$work/disk.img" "$place/disk.img"
echo "$place/disk.img"
