"use strict";
// The token stands behind #, which no browser sends or logs; it leaves the address before anything else happens.
const token = location.hash.slice(1);
history.replaceState(null, "", location.pathname);
if (token) {
  document.getElementById("token").value = token;
  document.getElementById("open").submit();
}
