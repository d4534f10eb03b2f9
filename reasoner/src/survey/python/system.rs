//! Debian packages that distributions are known to need where no wheel brings them along.

use std::collections::BTreeSet;

/// Distributions with the packages that they build against or load.
const NEEDED: [(&str, &[&str]); 26] = [
    ("psycopg2", &["libpq-dev"]),
    ("psycopg", &["libpq5"]),
    ("mysqlclient", &["default-libmysqlclient-dev"]),
    ("python-ldap", &["libldap2-dev", "libsasl2-dev"]),
    ("django-auth-ldap", &["libldap2-dev", "libsasl2-dev"]),
    ("xmlsec", &["libxmlsec1-dev", "libxml2-dev"]),
    ("python3-saml", &["libxmlsec1-dev", "libxml2-dev"]),
    ("pycairo", &["libcairo2-dev"]),
    ("cairocffi", &["libcairo2"]),
    ("cairosvg", &["libcairo2"]),
    ("weasyprint", &["libpango-1.0-0", "libpangoft2-1.0-0"]),
    ("pygobject", &["libgirepository1.0-dev", "libcairo2-dev"]),
    ("pygraphviz", &["graphviz", "libgraphviz-dev"]),
    ("graphviz", &["graphviz"]),
    ("python-magic", &["libmagic1"]),
    ("pytesseract", &["tesseract-ocr"]),
    ("opencv-python", &["libgl1", "libglib2.0-0"]),
    ("opencv-contrib-python", &["libgl1", "libglib2.0-0"]),
    ("pyaudio", &["portaudio19-dev"]),
    ("pydub", &["ffmpeg"]),
    ("pyodbc", &["unixodbc"]),
    ("dbus-python", &["libdbus-1-dev", "libglib2.0-dev"]),
    ("mpi4py", &["libopenmpi-dev"]),
    ("pycups", &["libcups2-dev"]),
    ("pyenchant", &["libenchant-2-2"]),
    ("pdf2image", &["poppler-utils"]),
];
/// What a lane installs and no test needs: browsers, documentation, tools of the machine.
const NOT_NEEDED: [&str; 22] = [
    "texlive",
    "latexmk",
    "chromium",
    "firefox",
    "google-chrome",
    "-doc",
    "python3",
    "python-",
    "nodejs",
    "npm",
    "docker",
    "curl",
    "wget",
    "sudo",
    "git",
    "gnupg",
    "software-properties",
    "build-essential",
    "gcc",
    "g++",
    "make",
    "pkg-config",
];

/// The packages for these distributions, and those of a lane that may matter.
pub(super) fn packages(named: &BTreeSet<String>, lane: &BTreeSet<String>) -> BTreeSet<String> {
    let known =
        NEEDED.iter().filter(|(name, _)| named.contains(*name)).flat_map(|(_, packages)| packages.iter());
    let own = lane.iter().filter(|package| !NOT_NEEDED.iter().any(|word| package.contains(word)));
    known.map(|package| (*package).to_owned()).chain(own.cloned()).collect()
}
