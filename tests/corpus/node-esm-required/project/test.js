require('left-pad-esm-only');
