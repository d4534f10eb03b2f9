const fs = require('fs'), path = require('path'), { spawnSync } = require('child_process');
const root = process.cwd(), seen = new Set(), found = [];
const list = (dir) => { try { return fs.readdirSync(dir, { withFileTypes: true }); } catch { return []; } };
const look = (dir) => {
  let real;
  try { real = fs.realpathSync(dir); } catch { return; }
  if (seen.has(real) || !real.includes('node_modules')) return;
  seen.add(real);
  let manifest;
  try { manifest = JSON.parse(fs.readFileSync(path.join(real, 'package.json'), 'utf8')); } catch { return; }
  const scripts = { ...manifest.scripts };
  if (!scripts.install && !scripts.preinstall && manifest.gypfile !== false && fs.existsSync(path.join(real, 'binding.gyp'))) {
    scripts.install = 'node-gyp rebuild';
  }
  inside(path.join(real, 'node_modules'));
  if (scripts.preinstall || scripts.install || scripts.postinstall) found.push([real, manifest, scripts]);
};
const inside = (dir) => {
  for (const { name } of list(dir)) {
    const at = path.join(dir, name);
    if (name === '.pnpm') list(at).forEach((entry) => inside(path.join(at, entry.name, 'node_modules')));
    else if (name.startsWith('@')) list(at).forEach((entry) => look(path.join(at, entry.name)));
    else if (!name.startsWith('.')) look(at);
  }
};
process.argv.slice(1).forEach((folder) => inside(path.join(folder, 'node_modules')));
const npm = String(spawnSync('npm', ['root', '-g'], { encoding: 'utf8' }).stdout || '').trim();
const gyp = ['node_modules/@npmcli/run-script/lib/node-gyp-bin', 'bin/node-gyp-bin'].map((bin) => path.join(npm, 'npm', bin));
for (const [cwd, manifest, scripts] of found) {
  for (const event of ['preinstall', 'install', 'postinstall'].filter((event) => scripts[event])) {
    const bins = [path.join(cwd, 'node_modules/.bin'), path.join(cwd, '../.bin'), path.join(cwd, '../../.bin'), path.join(root, 'node_modules/.bin')];
    const env = {
      ...process.env, PATH: [...bins, ...gyp, process.env.PATH].join(':'), INIT_CWD: root, npm_lifecycle_event: event,
      npm_package_name: manifest.name || '', npm_package_version: manifest.version || '',
    };
    const ran = spawnSync('sh', ['-c', scripts[event]], { cwd, env, encoding: 'utf8', timeout: 600000, maxBuffer: 1 << 28 });
    if (ran.status === 0) continue;
    const said = `${ran.stdout || ''}\n${ran.stderr || ''}`.split('\n').filter((line) => line.trim());
    console.log(`[${manifest.name}: its script ${event} failed, and it is left as it is]`);
    console.log(said.slice(-8).join('\n'));
    break;
  }
}
