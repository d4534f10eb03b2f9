# Renews yarn.lock with the yarn that wrote it. Yarn 1 can't do so without installing: elsewhere, then.
set -e
named=$(node -p "((require('./package.json').packageManager || '').match(/^yarn@([\w.-]+)/) || [])[1] || ''")
if grep -q '^__metadata:' yarn.lock; then
  package=@yarnpkg/cli-dist@${named:-4}
else
  case $named in [2-9]*) named= ;; esac
  package=yarn@${named:-1}
fi
if ! command -v yarn >/dev/null; then
  npm install --global --prefix /tmp/codegod-yarn --no-audit --no-fund "$package"
  export PATH="/tmp/codegod-yarn/bin:$PATH"
fi
if grep -q '^__metadata:' yarn.lock; then
  YARN_ENABLE_IMMUTABLE_INSTALLS=false YARN_ENABLE_TELEMETRY=0 yarn install --mode=update-lockfile
else
  yarn install --ignore-scripts --ignore-engines --ignore-platform --non-interactive --no-progress \
    --modules-folder /tmp/codegod-modules --cache-folder /tmp/codegod-yarn-cache
  rm -rf /tmp/codegod-modules /tmp/codegod-yarn-cache
fi
