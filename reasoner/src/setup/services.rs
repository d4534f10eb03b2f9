//! Servers beside a part's tests. They share the tests' network, so they are found at `localhost`, and they
//! let everybody in: what is in them lives as long as the run.

use std::collections::BTreeMap;

use codegod_protocol::action::Service;
use codegod_protocol::setup::{ServiceKind, Setup};

/// The services that a setup needs, with the users and databases that its environment variables name.
#[must_use]
pub fn services(setup: &Setup) -> Vec<Service> {
    setup.services.iter().map(|kind| service(*kind, &setup.env)).collect()
}

fn service(kind: ServiceKind, named: &BTreeMap<String, String>) -> Service {
    let value = |names: &[&str], otherwise: &str| {
        names.iter().find_map(|name| named.get(*name)).map_or_else(|| otherwise.to_owned(), Clone::clone)
    };
    let (name, image, env, ready) = match kind {
        ServiceKind::Postgres => {
            let user = value(&["POSTGRES_USER", "PGUSER", "DB_USER"], "postgres");
            let database = value(&["POSTGRES_DB", "PGDATABASE", "DB_NAME"], "test");
            let ready = format!("pg_isready --host localhost --username '{}'", user.replace('\'', ""));
            let env = [
                ("POSTGRES_USER", user),
                ("POSTGRES_DB", database),
                ("POSTGRES_PASSWORD", value(&["POSTGRES_PASSWORD", "PGPASSWORD", "DB_PASSWORD"], "postgres")),
                ("POSTGRES_HOST_AUTH_METHOD", "trust".to_owned()),
            ];
            ("postgres", "postgres:15", env.to_vec(), ready)
        }
        ServiceKind::Mysql => {
            let env = [
                ("MARIADB_ROOT_PASSWORD", value(&["MYSQL_ROOT_PASSWORD"], "")),
                ("MARIADB_ALLOW_EMPTY_ROOT_PASSWORD", "yes".to_owned()),
                ("MARIADB_DATABASE", value(&["MYSQL_DATABASE", "DB_NAME"], "test")),
                ("MARIADB_USER", value(&["MYSQL_USER", "DB_USER"], "mysql")),
                ("MARIADB_PASSWORD", value(&["MYSQL_PASSWORD", "DB_PASSWORD"], "mysql")),
            ];
            (
                "mysql",
                "mariadb:10.11",
                env.to_vec(),
                "mariadb-admin ping --host 127.0.0.1 || mysqladmin ping --host 127.0.0.1".to_owned(),
            )
        }
        ServiceKind::Redis => ("redis", "redis:7", Vec::new(), "redis-cli ping | grep PONG".to_owned()),
        ServiceKind::Mongo => {
            ("mongo", "mongo:7", Vec::new(), "mongosh --quiet --eval 'db.runCommand({ ping: 1 })'".to_owned())
        }
    };
    Service {
        name: name.to_owned(),
        image: image.to_owned(),
        env: env.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        ready,
    }
}
