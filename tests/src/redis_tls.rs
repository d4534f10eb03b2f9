//! Certificates of a test's own authority, and a redis-server that speaks TLS with them.

use std::path::{Path, PathBuf};

use anyhow::Result;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose};

use crate::redis_server::{RedisServer, free_port};

/// A server that speaks TLS, and the files that its clients need.
#[derive(Debug)]
pub struct TlsServer {
    /// The server.
    pub server: RedisServer,
    port: u16,
    folder: tempfile::TempDir,
}

/// Whether a client must show a certificate as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientCertificate {
    /// It must.
    Wanted,
    /// It need not.
    NotWanted,
}

impl TlsServer {
    /// Starts one whose certificate is for `name`.
    ///
    /// # Errors
    /// When certificates can't be made, or redis-server does not start or was built without TLS.
    pub fn start(name: &str, client: ClientCertificate) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        write_certificates(folder.path(), name)?;
        let path = |file: &str| folder.path().join(file).display().to_string();
        let port = free_port()?;
        let clients = if client == ClientCertificate::Wanted { "yes" } else { "no" };
        let server = RedisServer::start_with(&[
            "--tls-port",
            &port.to_string(),
            "--tls-cert-file",
            &path("server.pem"),
            "--tls-key-file",
            &path("server.key"),
            "--tls-ca-cert-file",
            &path("ca.pem"),
            "--tls-auth-clients",
            clients,
        ])?;
        Ok(Self { server, port, folder })
    }

    /// Its URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("rediss://127.0.0.1:{}", self.port)
    }

    /// The port on which it speaks TLS.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// `ca.pem`, `server.pem`, `server.key`, `client.pem` or `client.key`.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

fn write_certificates(folder: &Path, name: &str) -> Result<()> {
    let mut params = CertificateParams::new(Vec::new())?;
    // OpenSSL takes a certificate whose subject is its issuer for one that nobody signed.
    params.distinguished_name.push(DnType::CommonName, "authority of a test");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
    std::fs::write(folder.join("ca.pem"), authority.pem())?;
    for (file, name) in [("server", name), ("client", "codegod")] {
        let key = KeyPair::generate()?;
        let certificate = CertificateParams::new(vec![name.to_owned()])?.signed_by(&key, &authority)?;
        std::fs::write(folder.join(format!("{file}.pem")), certificate.pem())?;
        std::fs::write(folder.join(format!("{file}.key")), key.serialize_pem())?;
    }
    Ok(())
}
