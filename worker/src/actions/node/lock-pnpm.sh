# Renews pnpm-lock.yaml with the pnpm that the project names, else with one that writes locks of this form.
set -e
named=$(node -p "((require('./package.json').packageManager || '').match(/^pnpm@([\w.-]+)/) || [])[1] || ''")
form=$(sed -n "s/^lockfileVersion: *['\"]\{0,1\}\([0-9.]*\).*/\1/p" pnpm-lock.yaml)
case $form in
  5.3) usual=6 ;;
  5*) usual=7 ;;
  6*) usual=8 ;;
  *) usual=10 ;;
esac
# What is installed already is the right one.
if command -v pnpm >/dev/null; then pnpm=pnpm; else pnpm="npx --yes pnpm@${named:-$usual}"; fi
npm_config_manage_package_manager_versions=false $pnpm install --lockfile-only --ignore-scripts \
  --no-frozen-lockfile --config.engine-strict=false --config.strict-peer-dependencies=false
