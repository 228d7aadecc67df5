#!/usr/bin/env bash
# Installs what the tests marked `cluster`, `container` and `browser` need: SLURM and munge (with --accounts its database, too,
# for a slow test), Apptainer, what makes small images and serves them (mmdebstrap, umoci, skopeo, a registry), and Chromium
# (not on Ubuntu, which has it as a snap alone). For Debian and Ubuntu, as root or through sudo; `make test-system`.
# Starts no service. Apptainer comes from the machine's own suite where it has one; on a Debian that has none it comes
# from sid, into a folder of its own with the C library it was built for, so that nothing of the system is replaced.
set -euo pipefail

PREFIX=/opt/apptainer
PACKAGES=(
    munge slurm-wlm
    mmdebstrap umoci skopeo docker-registry
    patchelf squashfs-tools squashfuse fuse-overlayfs uidmap
)
[[ ${1:-} != --accounts ]] || PACKAGES+=(slurmdbd mariadb-server)
! grep -qx 'ID=debian' /etc/os-release || PACKAGES+=(chromium fonts-noto-core)

main() {
    if ! command -v apt-get >/dev/null; then
        echo "Only for Debian and Ubuntu. Install by hand: SLURM, munge, Apptainer, ${PACKAGES[*]}" >&2
        exit 2
    fi
    if [ "$(id -u)" != 0 ]; then
        exec sudo "$(realpath "$0")"
    fi
    local work
    work=$(mktemp -d)
    trap "rm -rf '$work'" EXIT
    install_packages
    command -v apptainer >/dev/null || install_apptainer "$work"
    # An ordinary user's images are mounted through FUSE.
    [ ! -e /dev/fuse ] || chmod a+rw /dev/fuse
    echo "apptainer $(apptainer --version | awk '{print $NF}'), $(slurmctld -V)"
}

install_packages() {
    local missing=() name
    for name in "${PACKAGES[@]}"; do
        dpkg-query --show --showformat='${db:Status-Status}' "$name" 2>/dev/null | grep -qx installed || missing+=("$name")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    apt-get -qq update
    # Packages that bring a service would start it, on a machine with an init: here tests start their own.
    DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get -qq install --yes --no-install-recommends "${missing[@]}" >/dev/null
}

install_apptainer() {
    if apt-cache show apptainer >/dev/null 2>&1; then
        DEBIAN_FRONTEND=noninteractive apt-get -qq install --yes --no-install-recommends apptainer >/dev/null
    elif grep -qx 'ID=debian' /etc/os-release; then
        apptainer_beside_the_system "$1"
    else
        echo "No apptainer package for this system; see apptainer.org/docs for its packages. The container tests will skip." >&2
        exit 0
    fi
}

# download SUITE WORK PACKAGE...: into the current folder, by an apt that knows that suite alone.
download() {
    local suite=$1 state=$2/apt-$1 mirror
    shift 2
    mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | head -n 1)
    mkdir -p "$state"/{lists/partial,archives/partial,etc/apt.conf.d,etc/preferences.d,etc/trusted.gpg.d,etc/sources.list.d}
    touch "$state/status"
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $suite main" >"$state/etc/sources.list"
    local apt=(
        apt-get -qq -o Dir::Etc="$state/etc" -o Dir::Etc::SourceList="$state/etc/sources.list"
        -o Dir::State::Lists="$state/lists" -o Dir::State::Status="$state/status" -o Dir::Cache="$state"
        -o Dir::Cache::Archives="$state/archives" -o APT::Sandbox::User=root
    )
    "${apt[@]}" update
    "${apt[@]}" download "$@"
}

apptainer_beside_the_system() {
    local work=$1 unpacked=$1/unpacked libraries package program
    mkdir -p "$work/packages" "$unpacked"
    cd "$work/packages"
    download sid "$work" apptainer
    download trixie "$work" libc6 libseccomp2 libsqlite3-0
    rm -rf "$PREFIX"
    mkdir -p "$PREFIX/glibc"
    for package in libc6 libseccomp2 libsqlite3-0; do
        dpkg-deb --extract "$package"_*.deb "$PREFIX/glibc"
    done
    dpkg-deb --extract apptainer_*.deb "$unpacked"
    sha256sum apptainer_*.deb
    cp -a "$unpacked"/usr/. "$PREFIX"
    cp -a "$unpacked"/etc "$unpacked"/var "$PREFIX"
    # Apptainer finds its folders from where its starter lies, one level lower in Debian's packages than it expects.
    ln -s ../etc ../var "$PREFIX/lib/"
    libraries=$(dirname "$(find "$PREFIX/glibc" -name libc.so.6 | head -n 1)")
    # A run path of the older kind also serves what libraries need, so that none of the system's is mixed in.
    for program in "$PREFIX/bin/apptainer" "$(find "$PREFIX/lib" -path '*/bin/starter')"; do
        patchelf --set-interpreter "$libraries/ld-linux-x86-64.so.2" --force-rpath --set-rpath "$libraries" "$program"
    done
    # Root of a virtual machine may lack capabilities that "full", the default, asks for.
    sed -i 's/^root default capabilities = .*/root default capabilities = file/' "$PREFIX/etc/apptainer/apptainer.conf"
    ln -sf "$PREFIX/bin/apptainer" /usr/local/bin/apptainer
}

main
