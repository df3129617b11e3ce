#!/bin/sh
# An image without a registry: busybox, and programs of this machine with the libraries that they load.
#
#     examples/image.sh example/shell:1 | reprise image import -
#     examples/image.sh example/redis:1 redis-cli redis-server=redis-check-rdb | reprise image import -
#
# What comes out is an archive as `docker save` writes it. NAME=PROGRAM gives a program another name in the image.
set -eu
[ $# -ge 1 ] || { echo "usage: $0 IMAGE [PROGRAM|NAME=PROGRAM]..." >&2; exit 2; }
reference=$1
shift
command -v busybox > /dev/null || { echo "no busybox: apt-get install busybox-static" >&2; exit 1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

mkdir -p "$work/root/bin" "$work/root/etc" "$work/root/tmp"
chmod 1777 "$work/root/tmp"
echo 'root:x:0:0:root:/:/bin/sh' > "$work/root/etc/passwd"
echo 'root:x:0:' > "$work/root/etc/group"
for applet in $(busybox --list); do
    [ "$applet" = busybox ] || ln -s busybox "$work/root/bin/$applet"
done
for wanted in busybox "$@"; do
    program=$(command -v "${wanted#*=}") || { echo "no ${wanted#*=} on this machine" >&2; exit 1; }
    cp -L --remove-destination "$program" "$work/root/bin/${wanted%%=*}"
    # Each library where the program looks for it; a static program has none, and ldd fails.
    for library in $(ldd "$program" 2> /dev/null | grep -o '/[^ ]*'); do
        mkdir -p "$work/root$(dirname "$library")"
        cp -L "$library" "$work/root$library"
    done
done

case $(uname -m) in x86_64) architecture=amd64 ;; aarch64) architecture=arm64 ;; *) architecture=$(uname -m) ;; esac
tar --create --file "$work/layer.tar" --directory "$work/root" --owner 0 --group 0 --numeric-owner .
layer=$(sha256sum "$work/layer.tar" | cut -d ' ' -f 1)
printf '{"architecture":"%s","os":"linux","config":{"Env":["PATH=/bin"],"Cmd":["sh"]},"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' \
    "$architecture" "$layer" > "$work/config.json"
printf '[{"Config":"config.json","RepoTags":["%s"],"Layers":["layer.tar"]}]' "$reference" > "$work/manifest.json"
tar --create --directory "$work" manifest.json config.json layer.tar
