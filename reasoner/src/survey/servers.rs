//! The servers that tests run beside, told from the names of images and of workflows' actions.

use codegod_protocol::setup::ServiceKind;

/// The server that an image or an action is named after.
pub(super) fn server(name: &str) -> Option<ServiceKind> {
    let kinds = [
        ("postg", ServiceKind::Postgres),
        ("mysql", ServiceKind::Mysql),
        ("mariadb", ServiceKind::Mysql),
        ("redis", ServiceKind::Redis),
        ("valkey", ServiceKind::Redis),
        // No MongoDB: Debian has none, and where its image can't be had, no test at all would run.
    ];
    kinds.into_iter().find(|(word, _)| name.contains(word)).map(|(_, kind)| kind)
}
