// A busy machine may take its time; what is waited for still has to come.
configure({ asyncUtilTimeout: 5_000 });

beforeEach(() => {
  window.location.hash = "";
  localStorage.clear();
});

afterEach(cleanup);
