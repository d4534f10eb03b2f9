# Renews yarn.lock with the yarn that wrote it. Yarn 1 can't do so without installing: elsewhere, then.
set -e
named=$(node -p "((require('./package.json').packageManager || '').match(/^yarn@([\w.-]+)/) || [])[1] || ''")
form=$(sed -n '/^__metadata:/,/^$/s/^  version: *"\{0,1\}\([0-9]*\).*/\1/p' yarn.lock)
case $form in
  '') case $named in [2-9]*) named= ;; esac; package=yarn@${named:-1} ;;
  [4-6]) package=@yarnpkg/cli-dist@${named:-3} ;;
  *) package=@yarnpkg/cli-dist@${named:-4} ;;
esac
if ! command -v yarn >/dev/null; then
  npm install --global --prefix /tmp/codegod-yarn --no-audit --no-fund "$package"
  export PATH="/tmp/codegod-yarn/bin:$PATH"
fi
if [ -z "$form" ]; then
  yarn install --ignore-scripts --ignore-engines --ignore-platform --non-interactive --no-progress \
    --modules-folder /tmp/codegod-modules --cache-folder /tmp/codegod-yarn-cache
  rm -rf /tmp/codegod-modules /tmp/codegod-yarn-cache
else
  # A newer yarn rewrites its settings and the manifest along the way: only the lock is wanted.
  kept=$(mktemp -d)
  cp package.json "$kept"
  [ ! -e .yarnrc.yml ] || cp .yarnrc.yml "$kept"
  [ ! -d .yarn ] || touch "$kept/had-folder"
  code=0
  YARN_ENABLE_IMMUTABLE_INSTALLS=false YARN_ENABLE_TELEMETRY=0 YARN_ENABLE_GLOBAL_CACHE=true \
    yarn install --mode=update-lockfile || code=$?
  cp "$kept/package.json" .
  if [ -e "$kept/.yarnrc.yml" ]; then cp "$kept/.yarnrc.yml" .; else rm -f .yarnrc.yml; fi
  if [ -e "$kept/had-folder" ]; then rm -f .yarn/install-state.gz; else rm -rf .yarn; fi
  exit $code
fi
