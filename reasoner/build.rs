//! Builds again when a playbook is added: the macro that embeds them only tracks those it saw.

fn main() {
    println!("cargo::rerun-if-changed=../playbooks");
}
