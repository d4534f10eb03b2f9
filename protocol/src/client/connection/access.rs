//! Who a process is to Redis and whom it trusts: what the environment adds to a URL. A password in a
//! URL shows in the list of processes, one in the environment does not.

use std::path::PathBuf;

use redis::{ClientTlsConfig, TlsCertificates};

use crate::client::Error;
use crate::settings::variable;

/// Users, passwords and certificates that a Redis URL leaves out.
#[derive(Clone, Default)]
pub struct Access {
    /// The ACL user (`REDIS_USERNAME`).
    pub username: Option<String>,
    /// Its password (`REDIS_PASSWORD`).
    pub password: Option<String>,
    /// The user at the sentinels, when they want one (`REDIS_SENTINEL_USERNAME`).
    pub sentinel_username: Option<String>,
    /// Its password (`REDIS_SENTINEL_PASSWORD`).
    pub sentinel_password: Option<String>,
    /// A PEM file of the authorities that may sign the server's certificate (`REDIS_CA`); the host's own
    /// when absent. Only for `rediss://`.
    pub ca: Option<PathBuf>,
    /// A PEM file of the client's certificate, when the server wants one (`REDIS_CERT`).
    pub certificate: Option<PathBuf>,
    /// A PEM file of the certificate's key (`REDIS_KEY`).
    pub key: Option<PathBuf>,
}

impl Access {
    /// What the environment says.
    #[must_use]
    pub fn from_env() -> Self {
        let path = |name: &str| variable(name).map(PathBuf::from);
        Self {
            username: variable("REDIS_USERNAME"),
            password: variable("REDIS_PASSWORD"),
            sentinel_username: variable("REDIS_SENTINEL_USERNAME"),
            sentinel_password: variable("REDIS_SENTINEL_PASSWORD"),
            ca: path("REDIS_CA"),
            certificate: path("REDIS_CERT"),
            key: path("REDIS_KEY"),
        }
    }

    /// The login that a master gives the workers which it starts, as variables of their environment:
    /// `REDIS_WORKER_USERNAME` and `REDIS_WORKER_PASSWORD` under the names that they read. Empty when
    /// they share the master's.
    #[must_use]
    pub fn environment_of_workers() -> Vec<(&'static str, String)> {
        renamed(variable("REDIS_WORKER_USERNAME"), variable("REDIS_WORKER_PASSWORD"))
    }

    /// The login at the sentinels.
    pub(super) fn for_sentinels(&self) -> Self {
        Self {
            username: self.sentinel_username.clone(),
            password: self.sentinel_password.clone(),
            ..Self::default()
        }
    }

    /// The certificates; nothing when the host's authorities are to be used and no client certificate.
    ///
    /// # Errors
    /// [`Error::Setting`] when a file can't be read, or one of certificate and key is missing.
    pub(super) fn certificates(&self) -> Result<Option<TlsCertificates>, Error> {
        let client_tls = match (&self.certificate, &self.key) {
            (Some(certificate), Some(key)) => Some(ClientTlsConfig {
                client_cert: read("REDIS_CERT", certificate)?,
                client_key: read("REDIS_KEY", key)?,
            }),
            (None, None) => None,
            (Some(_), None) => return Err(setting("REDIS_CERT", "REDIS_KEY is not set".to_owned())),
            (None, Some(_)) => return Err(setting("REDIS_KEY", "REDIS_CERT is not set".to_owned())),
        };
        let root_cert = self.ca.as_ref().map(|path| read("REDIS_CA", path)).transpose()?;
        let given = client_tls.is_some() || root_cert.is_some();
        Ok(given.then_some(TlsCertificates { client_tls, root_cert }))
    }
}

impl std::fmt::Debug for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let hidden = |password: &Option<String>| password.as_ref().map(|_| "***");
        f.debug_struct("Access")
            .field("username", &self.username)
            .field("password", &hidden(&self.password))
            .field("sentinel_username", &self.sentinel_username)
            .field("sentinel_password", &hidden(&self.sentinel_password))
            .field("ca", &self.ca)
            .field("certificate", &self.certificate)
            .field("key", &self.key)
            .finish()
    }
}

fn renamed(username: Option<String>, password: Option<String>) -> Vec<(&'static str, String)> {
    let both = [("REDIS_USERNAME", username), ("REDIS_PASSWORD", password)];
    both.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

/// A PEM file's bytes.
fn read(name: &'static str, path: &PathBuf) -> Result<Vec<u8>, Error> {
    let pem = std::fs::read(path).map_err(|error| setting(name, format!("{}: {error}", path.display())))?;
    // The redis crate takes a file without any certificate for an empty set of them.
    if !pem.windows(10).any(|part| part == b"-----BEGIN") {
        return Err(setting(name, format!("{} is not a PEM file", path.display())));
    }
    Ok(pem)
}

pub(super) fn setting(name: &'static str, reason: String) -> Error {
    Error::Setting { name, reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_does_not_show_in_debug_output() {
        let access = Access {
            password: Some("s3cret".to_owned()),
            sentinel_password: Some("s3cret".to_owned()),
            ..Access::default()
        };
        assert!(!format!("{access:?}").contains("s3cret"));
    }

    #[test]
    fn workers_read_their_login_under_the_usual_names() {
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(
            renamed(some("codegod-worker"), some("pw")),
            [("REDIS_USERNAME", "codegod-worker".to_owned()), ("REDIS_PASSWORD", "pw".to_owned())]
        );
        assert_eq!(renamed(None, None), []);
    }

    #[test]
    fn a_certificate_without_its_key_is_refused() {
        let access = Access { certificate: Some("client.pem".into()), ..Access::default() };
        let error = access.certificates().unwrap_err();
        assert_eq!(error.to_string(), "REDIS_CERT can't be used: REDIS_KEY is not set");
    }

    #[test]
    fn a_file_that_holds_no_pem_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "not a certificate").unwrap();
        let access = Access { ca: Some(file.path().to_owned()), ..Access::default() };
        let error = access.certificates().unwrap_err().to_string();
        assert_eq!(error, format!("REDIS_CA can't be used: {} is not a PEM file", file.path().display()));
    }
}
