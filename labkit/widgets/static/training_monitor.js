// Generated from widgets/src/training_monitor.tsx by "npm run build". Do not edit.

// node_modules/preact/dist/preact.mjs
var n, t, r, u, i, f, o, e, l, c, a, s, h = /* @__PURE__ */ Symbol.for("pv"), p = {}, y = [], v = /^m(i|n|o|s|text|space)$/, w = Array.isArray, d = y.slice, _ = Object.assign;
function g(n2) {
  n2 && n2.parentNode && n2.remove();
}
function m(r3, u3, i3, f4, o4) {
  var e3 = { type: r3, props: u3, key: i3, ref: f4, __k: null, __: null, __b: 0, __e: null, __c: null, constructor: h, __v: o4 || ++t, __i: -1, __u: 0 };
  return !o4 && n.vnode && n.vnode(e3), e3;
}
function $(n2) {
  return n2.children;
}
function x(n2, t3) {
  this.props = n2, this.context = t3, this.__g = 0;
}
function S(n2, t3) {
  if (t3 == null) return n2.__ && S(n2.__, n2.__i + 1);
  for (var r3; t3 < n2.__k.length; t3++) if ((r3 = n2.__k[t3]) && r3.__e) return r3.__e;
  return typeof n2.type != "function" || n2.props.__P ? null : S(n2);
}
function C(t3) {
  var r3, u3 = t3.__v, i3 = u3.__e, f4 = [], o4 = [], e3 = t3.__P;
  e3 && ((r3 = _({ constructor: h }, u3)).__v = u3.__v + 1, n.vnode && n.vnode(r3), z(e3, r3, u3, t3.__n, e3.namespaceURI, 32 & u3.__u ? [i3] : null, f4, i3 || S(u3), 32 & u3.__u, o4), r3.__v = u3.__v, r3.__.__k[r3.__i] = r3, E(f4, r3, o4), u3.__ = u3.__e = null, r3.__e != i3 && j(r3));
}
function j(n2) {
  if ((n2 = n2.__) && n2.__c && !n2.props.__P) return n2.__e = null, n2.__k.some(function(t3) {
    return t3 && (n2.__e = t3.__e);
  }), j(n2);
}
function L(t3) {
  (8 & t3.__g || (t3.__g |= 8, u.push(t3), f++)) && i == n.debounceRendering || ((i = n.debounceRendering) || queueMicrotask)(H);
}
function H() {
  try {
    for (var n2, t3 = 1; u.length; ) u.length > t3 && u.sort(o), n2 = u.shift(), t3 = u.length, 8 & n2.__g && C(n2);
  } finally {
    (f = u.length) && (i || queueMicrotask)(H);
  }
}
function I(n2, t3, r3, u3, i3, f4, o4, e3, l3, c3, a4) {
  var s3, h3, v3, w3, d3, _3, g3 = u3.__k || y, k2 = t3.length;
  for (l3 = q(r3, t3, g3, l3, k2), s3 = 0; s3 < k2; s3++) (v3 = r3.__k[s3]) != null && (h3 = ~v3.__i && g3[v3.__i] || p, v3.__i = s3, _3 = z(n2, v3, h3, i3, f4, o4, e3, l3, c3, a4), w3 = v3.__e, (h3.ref != v3.ref || 8 & h3.__u) && (h3.ref && G(h3.ref, null, v3, h3), v3.ref && a4.push(v3.ref, v3.__c || w3, v3)), d3 = d3 || w3, 4 & v3.__u ? (l3 = A(v3, l3, n2, !h3.__v), h3.__e && (h3.__e = null)) : typeof v3.type == "function" && _3 !== void 0 ? l3 = _3 : w3 && (l3 = w3.nextSibling), v3.__u &= -21);
  return r3.__e = d3, l3;
}
function q(n2, t3, r3, u3, i3) {
  var f4, o4, e3, l3, c3, a4, s3, p3, y3, v3 = r3.length, d3 = v3, _3 = 0, g3 = 0, k2 = n2.__k = Array(i3);
  for (f4 = 0; f4 < i3; f4++) (o4 = t3[f4]) != null && typeof o4 != "boolean" && typeof o4 != "function" ? (typeof o4 != "object" || o4.constructor === String ? o4 = k2[f4] = m(null, o4) : w(o4) ? o4 = k2[f4] = m($, { children: o4 }) : o4.constructor === h && o4.__b ? o4 = k2[f4] = m(o4.type, o4.props, o4.key, o4.ref, o4.__v) : k2[f4] = o4, l3 = f4 + _3, o4.__ = n2, o4.__b = n2.__b + 1, e3 = null, ~(c3 = o4.__i = P(o4, r3, l3, d3)) && (d3--, (e3 = r3[c3]) && (e3.__u |= 2)), e3 && e3.__v ? (o4.__u |= 16, c3 == l3 - 1 ? _3-- : c3 == l3 + 1 ? _3++ : c3 != l3 && (c3 > l3 ? _3-- : _3++, g3 = 1)) : (~c3 || (i3 > v3 ? _3-- : i3 < v3 && _3++), typeof o4.type != "function" && (o4.__u |= 4))) : k2[f4] = null;
  if (g3) {
    for (a4 = [], s3 = [], f4 = 0; f4 < i3; f4++) if ((o4 = k2[f4]) && 16 & o4.__u) {
      for (_3 = 0, p3 = a4.length; _3 < p3; ) a4[y3 = _3 + p3 >> 1] < o4.__i ? _3 = y3 + 1 : p3 = y3;
      a4[_3] = o4.__i, s3[f4] = _3 + 1;
    }
    for (_3 = a4.length; f4--; ) s3[f4] && (s3[f4] == _3 ? _3-- : k2[f4].__u |= 4);
  }
  if (d3) for (f4 = 0; f4 < v3; f4++) !(e3 = r3[f4]) || 2 & e3.__u || (e3.__e == u3 && (u3 = S(e3)), J(e3, e3));
  return u3;
}
function A(n2, t3, r3, u3) {
  var i3, f4, o4, e3;
  if (typeof n2.type == "function") {
    if (n2.props.__P) return t3;
    if (i3 = n2.__k) for (f4 = 0; f4 < i3.length; f4++) i3[f4] && (i3[f4].__ = n2, t3 = A(i3[f4], t3, r3, !1));
    return t3;
  }
  for (t3 && !t3.parentNode && (t3 = S(n2)) && !t3.parentNode && (t3 = null), o4 = n2.__e, e3 = t3; e3 && e3.nodeType == 8; ) e3 = e3.nextSibling;
  for (o4 != e3 && (!u3 && r3.moveBefore && o4.parentNode ? r3.moveBefore(o4, t3) : r3.insertBefore(o4, t3 || null)), t3 = o4; (t3 = t3 && t3.nextSibling) && t3.nodeType == 8 && !t3.data.startsWith("$s"); ) ;
  return t3;
}
function P(n2, t3, r3, u3) {
  var i3, f4 = n2.key, o4 = n2.type, e3 = t3[r3], l3 = e3 && !(2 & e3.__u);
  if (e3 === null && f4 == null || l3 && f4 == e3.key && o4 == e3.type) return r3;
  if (u3 > (l3 ? 1 : 0)) {
    for (i3 = r3 - 1; i3 >= 0; i3--) if ((e3 = t3[i3]) && !(2 & e3.__u) && f4 == e3.key && o4 == e3.type) return i3;
    for (i3 = r3 + 1; i3 < t3.length; i3++) if ((e3 = t3[i3]) && !(2 & e3.__u) && f4 == e3.key && o4 == e3.type) return i3;
  }
  return -1;
}
function T(n2, t3, r3) {
  r3 == null && (r3 = ""), t3[0] == "-" ? n2.setProperty(t3, r3) : n2[t3] = r3;
}
function N(n2, t3, r3, u3, i3) {
  var f4, o4;
  if (t3 == "style") if (typeof r3 == "string") n2.style.cssText = r3;
  else {
    if (typeof u3 == "string" && (n2.style.cssText = u3 = ""), u3) for (t3 in u3) r3 && t3 in r3 || T(n2.style, t3);
    if (r3) for (t3 in r3) u3 && r3[t3] == u3[t3] || T(n2.style, t3, r3[t3]);
  }
  else if (t3[0] == "o" && t3[1] == "n") typeof r3 != "function" && (r3 = null), typeof u3 != "function" && (u3 = null), (n2.__e || (n2.__e = {}))[t3] = r3, r3 && u3 || (o4 = a[t3] || (a[t3] = V(t3)), (n2.__a || (n2.__a = {}))[t3] = c, f4 = t3 != (t3 = t3.replace(l, "$1")), (t3 = t3.slice(2))[0] < "a" && (t3 = t3.toLowerCase()), r3 ? n2.addEventListener(t3, o4, f4) : n2.removeEventListener(t3, o4, f4));
  else {
    if (i3 == "http://www.w3.org/2000/svg") t3 = t3.replace(/xlink(H|:h)/, "h").replace(/sName$/, "s");
    else if (t3 != "width" && t3 != "height" && t3 != "href" && t3 != "list" && t3 != "form" && t3 != "tabIndex" && t3 != "download" && t3 != "rowSpan" && t3 != "colSpan" && t3 != "role" && t3 != "popover" && t3 in n2) try {
      return void (n2[t3] = r3 ?? "");
    } catch {
    }
    if (typeof r3 == "function") return;
    r3 == null || r3 === !1 && t3[4] != "-" ? n2.removeAttribute(t3) : n2.setAttribute(t3, t3 == "popover" && r3 == 1 ? "" : r3);
  }
}
function V(t3) {
  return function(r3) {
    var u3 = this.__e;
    if (u3) {
      if (u3 = u3[t3], r3[e] == null) r3[e] = c++;
      else if (r3[e] < this.__a[t3]) return;
      return u3(n.event ? n.event(r3) : r3);
    }
  };
}
function z(t3, r3, u3, i3, f4, o4, e3, l3, c3, a4) {
  var s3, p3, v3, d3, k2, b2, m3, M, C3, j2, L2, H2, q2, A3, O, P2, T3, N2, V2 = r3.type;
  if (r3.constructor !== h) return null;
  128 & u3.__u && (c3 = 32 & u3.__u, s3 = u3.__c.__z) && (r3.__u |= c3, p3 = o4 = [], s3.nodeType == 8 ? l3 = B(s3, o4) : o4.push(s3), l3 = o4[0] || l3), (s3 = n.__b) && s3(r3);
  n: if (typeof V2 == "function") {
    v3 = e3.length;
    try {
      if (M = r3.props, C3 = (s3 = V2.prototype) && s3.render, j2 = (s3 = V2.contextType) && i3[s3.__c], L2 = s3 ? j2 ? j2.props.value : s3.__ : i3, (d3 = u3.__c) ? (r3.__c = d3, 2 & d3.__g && (d3.__g |= 1)) : (C3 ? r3.__c = d3 = new V2(M, L2) : (r3.__c = d3 = new x(M, L2), d3.constructor = V2, d3.render = K), j2 && j2.sub(d3), d3.state || (d3.state = {}), d3.__n = i3, d3.__g |= 8, d3.__h = [], d3.__k = []), C3 && (d3.__s || (d3.__s = d3.state), V2.getDerivedStateFromProps && (d3.__s == d3.state && (d3.__s = _({}, d3.__s)), _(d3.__s, V2.getDerivedStateFromProps(M, d3.__s)))), k2 = d3.props, b2 = d3.state, d3.__v = r3, u3.__c) {
        if (M !== k2 && C3 && !V2.getDerivedStateFromProps && d3.componentWillReceiveProps && d3.componentWillReceiveProps(M, L2), r3.__v == u3.__v && !(8 & d3.__g) || !(4 & d3.__g) && d3.shouldComponentUpdate && d3.shouldComponentUpdate(M, d3.__s, L2) === !1) {
          r3.__v != u3.__v && (d3.props = M, d3.state = d3.__s, d3.__g &= -9), r3.__e = u3.__e, r3.__k = u3.__k, r3.__k.some(function(n2) {
            n2 && (n2.__ = r3);
          }), y.push.apply(d3.__h, d3.__k), d3.__k = [], d3.__h.length && e3.push(d3), l3 = S(u3);
          break n;
        }
        d3.componentWillUpdate && d3.componentWillUpdate(M, d3.__s, L2), C3 && d3.componentDidUpdate && d3.__h.push(function() {
          d3.componentDidUpdate(k2, b2, m3);
        });
      } else C3 && !V2.getDerivedStateFromProps && d3.componentWillMount && d3.componentWillMount(), C3 && d3.componentDidMount && d3.__h.push(d3.componentDidMount);
      d3.context = L2, d3.props = M, d3.__P = t3, d3.__g &= -5, H2 = n.__r, q2 = C3 ? 25 : 0;
      do
        d3.__g &= -9, H2 && H2(r3), s3 = d3.render(d3.props, d3.state = d3.__s, d3.context);
      while (8 & d3.__g && ++q2 < 25);
      C3 && (y.push.apply(d3.__h, d3.__k), d3.__k = []), d3.state = d3.__s, d3.getChildContext && (i3 = _({}, i3, d3.getChildContext())), C3 && u3.__c && d3.getSnapshotBeforeUpdate && (m3 = d3.getSnapshotBeforeUpdate(k2, b2)), A3 = s3 && s3.type === $ && s3.key == null ? s3.props.children : s3, M.__P && (s3 = l3, f4 = (t3 = M.__P).namespaceURI, c3 = o4 = null, u3.props && u3.props.__P != t3 && (u3.__k.some(function(n2) {
        n2 && J(n2, n2);
      }), u3.__k = null), l3 = u3.__k ? S(u3, 0) : null), l3 = I(t3, w(A3) ? A3 : [A3], r3, u3, i3, f4, o4, e3, l3, c3, a4), M.__P && (r3.__e = null, l3 = s3), r3.__u &= -161, p3 && p3.some(g), d3.__h.length && e3.push(d3), 1 & d3.__g && (d3.__g &= -4);
    } catch (t4) {
      if (e3.length = v3, r3.__v = null, c3 || o4) if (t4 && t4.then) {
        if (r3.__u |= 128 | c3, o4) {
          for (~(T3 = o4.indexOf(l3 || void 0)) || (T3 = o4.length); (N2 = o4[T3 - 1]) && N2.nodeType == 8; ) T3--;
          for (; T3 < o4.length; T3++) if (N2 = o4[T3]) if (o4[T3] = null, O) {
            if (N2 == P2) break;
          } else {
            if (N2.nodeType != 8) break;
            N2.data.startsWith("$s") && (P2 = B(O = N2));
          }
        }
        if (!O) {
          for (; l3 && l3.nodeType == 8 && l3.nextSibling; ) l3 = l3.nextSibling;
          O = l3;
        }
        (s3 = B(O = r3.__c.__z || (r3.__c.__z = O))) ? (r3.__e = O, l3 = s3) : r3.__e = l3, l3 = l3 && l3.nextSibling;
      } else o4 && o4.some(g);
      else r3.__e = u3.__e;
      r3.__k || (r3.__k = u3.__k || []), t4 && t4.then || D(r3), n.__e(t4, r3, u3);
    }
  } else l3 = r3.__e = F(u3.__e, r3, u3, i3, f4, o4, e3, c3, a4, t3);
  return (s3 = n.diffed) && s3(r3), l3;
}
function B(n2, t3) {
  if (n2 && n2.nodeType == 8 && n2.data.startsWith("$s")) for (var r3 = 1; n2 = n2.nextSibling; ) {
    if (n2.nodeType == 8) {
      if (n2.data.startsWith("$s")) r3++;
      else if (n2.data.startsWith("/$s") && !--r3) return n2;
    }
    t3 && t3.push(n2);
  }
}
function D(n2) {
  n2 && (n2.__c && (n2.__c.__g |= 4), n2.__k && n2.__k.some(D));
}
function E(t3, r3, u3) {
  for (var i3 = 0; i3 < u3.length; ) G(u3[i3++], u3[i3++], u3[i3++]);
  n.__c && n.__c(r3, t3), t3.some(function(r4) {
    try {
      t3 = r4.__h, r4.__h = [], t3.some(function(n2) {
        n2.call(r4);
      });
    } catch (t4) {
      n.__e(t4, r4.__v);
    }
  });
}
function F(t3, r3, u3, i3, f4, o4, e3, l3, c3, a4) {
  var s3, h3, y3, _3, k2, b2, m3, M, $2 = u3.props || p, x2 = r3.props, C3 = r3.type;
  if (C3 == "svg" ? f4 = "http://www.w3.org/2000/svg" : C3 == "math" ? f4 = "http://www.w3.org/1998/Math/MathML" : f4 || (f4 = "http://www.w3.org/1999/xhtml"), o4) {
    for (s3 = 0; s3 < o4.length; s3++) if ((k2 = o4[s3]) && (C3 ? k2.localName == C3 : k2.nodeType == 3)) {
      t3 = k2, o4[s3] = null;
      break;
    }
  }
  if (!t3) {
    if (M = a4.ownerDocument || document, !C3) return M.createTextNode(x2);
    t3 = M.createElementNS(f4, C3, x2.is ? x2 : a4), l3 && (n.__m && n.__m(r3, o4), l3 = !1), o4 = null;
  }
  if (C3) {
    if (a4 = C3 == "template" && t3.content || t3, o4 = C3 == "textarea" && x2.defaultValue != null ? null : o4 && d.call(a4.childNodes), !l3 && o4) for ($2 = {}, s3 = 0; s3 < t3.attributes.length; s3++) $2[(k2 = t3.attributes[s3]).name] = k2.value;
    for (s3 in $2) k2 = $2[s3], s3 == "dangerouslySetInnerHTML" ? y3 = k2 : s3 == "children" || s3 in x2 || s3 == "value" && "defaultValue" in x2 || s3 == "checked" && "defaultChecked" in x2 || N(t3, s3, null, k2, f4);
    for (s3 in x2) k2 = x2[s3], s3 == "children" ? _3 = k2 : s3 == "dangerouslySetInnerHTML" ? h3 = k2 : s3 == "value" ? b2 = k2 : s3 == "checked" ? m3 = k2 : l3 && typeof k2 != "function" || $2[s3] === k2 || N(t3, s3, k2, $2[s3], f4);
    h3 ? (l3 || y3 && (h3.__html == y3.__html || h3.__html == t3.innerHTML) || (t3.innerHTML = h3.__html), r3.__k = []) : (y3 && (t3.textContent = ""), (C3 == "foreignObject" || f4 == "http://www.w3.org/1998/Math/MathML" && v.test(C3)) && (f4 = "http://www.w3.org/1999/xhtml"), I(a4, w(_3) ? _3 : [_3], r3, u3, i3, f4, o4, e3, o4 ? o4[0] : u3.__k && S(u3, 0), l3, c3), o4 && o4.some(g)), l3 && C3 != "textarea" || (s3 = "value", C3 == "progress" && b2 == null ? t3.removeAttribute(s3) : b2 == null || b2 === t3[s3] && (C3 != "progress" || b2) || N(t3, s3, b2, $2[s3], f4), s3 = "checked", m3 != null && m3 != t3[s3] && N(t3, s3, m3, $2[s3], f4));
  } else $2 === x2 || l3 && t3.data == x2 || (t3.data = x2);
  return t3;
}
function G(t3, r3, u3, i3) {
  try {
    typeof t3 == "function" ? r3 ? r3.__x = t3(r3) || 1 : i3 && (i3 = i3.__c || i3.__e) && (r3 = i3.__x) && (i3.__x = null, typeof r3 == "function" ? r3() : t3(null)) : t3.current = r3;
  } catch (t4) {
    n.__e(t4, u3);
  }
}
function J(t3, r3, u3) {
  var i3, f4, o4, e3;
  if (n.unmount && n.unmount(t3), !(i3 = t3.ref) || i3.current && i3.current != t3.__e || G(i3, null, r3, t3), i3 = t3.__c) {
    if (i3.componentWillUnmount) try {
      i3.componentWillUnmount();
    } catch (t4) {
      n.__e(t4, r3);
    }
    i3.__P = i3.__n = null;
  }
  if (i3 = t3.__k) for (e3 = 0; e3 < i3.length; e3++) i3[e3] && J(i3[e3], r3, typeof t3.type != "function" || u3 && !t3.props.__P);
  !u3 && (i3 = t3.__c) && (i3 = i3.__z) && (f4 = B(i3, o4 = [])) && (i3 == t3.__e && o4.some(g), g(f4), g(i3)), u3 || g(t3.__e), t3.__e = t3.__c = t3.__ = null;
}
function K(n2, t3, r3) {
  return this.constructor(n2, r3);
}
function Q(t3, r3) {
  var u3, i3, f4, o4;
  n.__ && n.__(t3, r3), r3.nodeType == 9 && (r3 = r3.documentElement), i3 = (u3 = t3 && 32 & t3.__u) ? null : r3.__k, r3.__k = m($, { children: [t3] }), f4 = [], o4 = [], z(r3, r3.__k, i3 || p, p, r3.namespaceURI, i3 ? null : r3.firstChild ? d.call(r3.childNodes) : null, f4, i3 ? i3.__e : r3.firstChild, u3, o4), E(f4, r3.__k, o4), r3.__k.props.children = null;
}
n = { __e: function(n2, t3, r3, u3) {
  for (var i3, o4, e3; t3 = t3.__; ) if ((i3 = t3.__c) && !(1 & i3.__g)) {
    i3.__g |= 4;
    try {
      if ((e3 = (o4 = i3.constructor) && o4.getDerivedStateFromError) && i3.setState(o4.getDerivedStateFromError(n2)), i3.componentDidCatch && (i3.componentDidCatch(n2, u3 || {}), e3 = 1), e3 && 8 & i3.__g) return void (i3.__g |= 2);
    } catch (t4) {
      n2 = t4;
    }
  }
  throw f = 0, n2;
} }, t = 0, r = function(n2) {
  return n2 != null && n2.constructor === h;
}, x.prototype.setState = function(n2, t3) {
  var r3 = this.__s;
  r3 && r3 != this.state || (r3 = this.__s = _({}, this.state)), typeof n2 == "function" && (n2 = n2(_({}, r3), this.props)), n2 && (_(r3, n2), this.__v && (t3 && this.__k.push(t3), L(this)));
}, x.prototype.forceUpdate = function(n2) {
  this.__v && (this.__g |= 4, n2 && this.__h.push(n2), L(this));
}, x.prototype.render = $, u = [], f = 0, o = function(n2, t3) {
  return n2.__v.__b - t3.__v.__b;
}, e = /* @__PURE__ */ Symbol(), l = /(PointerCapture)$|Capture$/i, c = 0, a = {}, s = 0;

// node_modules/preact/hooks/dist/hooks.mjs
var t2, r2, u2, i2, o2 = Object.is, f2 = 0, c2 = [], e2 = [], a2 = n, v2 = a2.__b, l2 = a2.__r, m2 = a2.diffed, h2 = a2.__c, s2 = a2.unmount, p2 = a2.__;
function y2(n2, t3) {
  a2.__h && a2.__h(r2, n2, f2 || t3), f2 = 0;
  var u3 = r2.__H || (r2.__H = { __: [], __h: [] });
  return n2 >= u3.__.length && u3.__.push({}), u3.__[n2];
}
function d2(n2) {
  return f2 = 1, _2(G2, n2);
}
function _2(n2, u3, i3) {
  var f4 = y2(t2++, 2);
  if (f4.t = n2, !f4.__c && (f4.__ = [i3 ? i3(u3) : G2(void 0, u3), function(n3) {
    var t3 = (f4.__N || f4.__)[0], r3 = f4.t(t3, n3);
    o2(t3, r3) || (f4.__N = [r3, f4.__[1]], f4.__c.setState({}));
  }], f4.__c = r2, !r2.__f)) {
    r2.__f = !0;
    var c3 = r2.shouldComponentUpdate;
    r2.shouldComponentUpdate = function(n3, t3, r3) {
      var u4 = this.__H;
      if (!u4) return !0;
      var i4 = !1, f5 = this.props != n3;
      if (u4.__.some(function(n4) {
        n4.__N && (i4 = !0, o2(n4.__[0], n4.__N[0]) || (f5 = !0));
      }), c3) {
        var e3 = c3.call(this, n3, t3, r3);
        return i4 ? e3 || f5 : e3;
      }
      return !i4 || f5;
    };
  }
  return f4.__;
}
function A2(n2, u3) {
  var i3 = y2(t2++, 3);
  !a2.__s && E2(i3.__H, u3) && (i3.__P = !0, i3.__ = n2, i3.u = u3, r2.__H.__h.push(i3));
}
function F2(n2, u3) {
  var i3 = y2(t2++, 4);
  !a2.__s && E2(i3.__H, u3) && (i3.__P = !1, i3.__ = n2, i3.u = u3, r2.__h.push(i3));
}
function T2(n2) {
  return f2 = 5, w2(function() {
    return { current: n2 };
  }, []);
}
function w2(n2, r3) {
  var u3 = y2(t2++, 7);
  return E2(u3.__H, r3) && (u3.__ = n2(), u3.__H = r3), u3.__;
}
function b(n2, t3) {
  return f2 = 8, w2(function() {
    return n2;
  }, t3);
}
function g2() {
  var n2;
  do {
    for (; n2 = e2.shift(); ) try {
      C2(n2);
    } catch (t4) {
      a2.__e(t4, { __: (n2 = n2.__P) && n2.__v });
    }
    for (; n2 = c2.shift(); ) {
      var t3 = n2.__H;
      if (n2.__P && t3) try {
        t3.__h.some(C2), t3.__h.some(D2), t3.__h = [];
      } catch (r3) {
        t3.__h = [], a2.__e(r3, n2.__v);
      }
    }
  } while (e2.length);
}
a2.__b = function(n2) {
  r2 = null, v2 && v2(n2);
}, a2.__ = function(n2, t3) {
  n2 && t3.__k && t3.__k.__m && (n2.__m = t3.__k.__m), p2 && p2(n2, t3);
}, a2.__r = function(n2) {
  l2 && l2(n2), t2 = 0;
  var i3 = (r2 = n2.__c).__H;
  i3 && (u2 == r2 ? r2.__h = [] : (i3.__h.some(C2), i3.__h.some(D2), t2 = 0), i3.__h = [], i3.__.some(function(n3) {
    n3.__N && (n3.__ = n3.__N), n3.u = n3.__N = void 0;
  })), u2 = r2;
}, a2.diffed = function(n2) {
  m2 && m2(n2);
  var t3 = n2.__c;
  t3 && t3.__H && (t3.__H.__h.length && B2(c2.push(t3)), t3.__H.__.some(function(n3) {
    n3.u && (n3.__H = n3.u);
  })), u2 = r2 = null;
}, a2.__c = function(n2, t3) {
  t3.some(function(n3) {
    try {
      n3.__h.some(C2), n3.__h = n3.__h.filter(function(n4) {
        return !n4.__ || D2(n4);
      });
    } catch (t4) {
      n3.__h = [function() {
        throw t4;
      }];
    }
  }), h2 && h2(n2, t3);
}, a2.unmount = function(n2) {
  s2 && s2(n2);
  var t3, r3, u3 = n2.__c;
  u3 && u3.__H && (u3.__H.__.some(function(u4) {
    try {
      if (u4.__P && u4.__c) {
        if (r3 === void 0) {
          for (r3 = n2.__; r3 && (!r3.__c || !r3.__c.__P); ) r3 = r3.__;
          r3 = r3 && r3.__c;
        }
        u4.__P = r3, B2(e2.push(u4));
      } else C2(u4);
    } catch (n3) {
      t3 = n3;
    }
  }), u3.__H = void 0, t3 && a2.__e(t3, u3.__v));
};
var k = typeof requestAnimationFrame == "function";
function z2(n2) {
  var t3, r3 = function() {
    clearTimeout(u3), k && cancelAnimationFrame(t3), setTimeout(n2);
  }, u3 = setTimeout(r3, 35);
  k && (t3 = requestAnimationFrame(r3));
}
function B2(n2) {
  n2 != 1 && i2 == a2.requestAnimationFrame || ((i2 = a2.requestAnimationFrame) || z2)(g2);
}
function C2(n2) {
  var t3 = r2, u3 = n2.__c;
  typeof u3 == "function" && (n2.__c = void 0, u3()), r2 = t3;
}
function D2(n2) {
  var t3 = r2;
  n2.__c = n2.__(), r2 = t3;
}
function E2(n2, t3) {
  return !n2 || n2.length != t3.length || t3.some(function(t4, r3) {
    return !o2(t4, n2[r3]);
  });
}
function G2(n2, t3) {
  return typeof t3 == "function" ? t3(n2) : t3;
}

// src/lib/chart.ts
function extent(values) {
  let low = 1 / 0, high = -1 / 0;
  for (let value of values)
    Number.isFinite(value) && (value < low && (low = value), value > high && (high = value));
  return low <= high ? [low, high] : [0, 1];
}
function widened([low, high], share = 0.05, floor = -1 / 0, ceiling = 1 / 0) {
  let room = high > low ? (high - low) * share : Math.abs(high) * share || 0.5;
  return [low >= floor ? Math.max(floor, low - room) : low - room, high <= ceiling ? Math.min(ceiling, high + room) : high + room];
}
function ticks([low, high], wanted = 4) {
  if (!(high > low) || wanted < 1) return Number.isFinite(low) ? [low] : [];
  let rough = (high - low) / wanted, power = 10 ** Math.floor(Math.log10(rough)), over = rough / power, step = power * (over >= Math.sqrt(50) ? 10 : over >= Math.sqrt(10) ? 5 : over >= Math.SQRT2 ? 2 : 1), first = Math.ceil(low / step - 1e-9), last = Math.floor(high / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_3, i3) => Number(((first + i3) * step).toPrecision(12)) + 0);
}
var wholeTicks = (range, wanted = 4) => ticks(range, wanted).filter(Number.isInteger);
function tickText(value, all) {
  if (value === 0) return "0";
  let size = Math.max(...all.map(Math.abs));
  if (size < 1e-3 || size >= 1e6) return value.toExponential(1).replace(".0e", "e").replace("e+", "e");
  let gap = all.length > 1 ? Math.abs(all[1] - all[0]) : Math.abs(value), digits = Math.max(0, Math.min(6, -Math.floor(Math.log10(gap) + 1e-9)));
  return value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}
function scale([low, high], [start, end]) {
  let span = high - low || 1;
  return (value) => start + (value - low) / span * (end - start);
}
function path(points, x2, y3) {
  let d3 = "", drawing = !1;
  for (let [px, py] of points) {
    if (!Number.isFinite(py)) {
      drawing = !1;
      continue;
    }
    d3 += `${drawing ? "L" : "M"}${round(x2(px))} ${round(y3(py))}`, drawing = !0;
  }
  return d3;
}
function nearest(points, x2) {
  let low = 0, high = points.length - 1;
  if (high < 0) return -1;
  for (; high - low > 1; ) {
    let middle = low + high >> 1;
    points[middle][0] <= x2 ? low = middle : high = middle;
  }
  return Math.abs(points[low][0] - x2) <= Math.abs(points[high][0] - x2) ? low : high;
}
function stepped(points, from, by) {
  if (points.length === 0) return null;
  if (from === null) return points[by < 0 ? points.length - 1 : 0][0];
  let at = Math.max(0, Math.min(points.length - 1, nearest(points, from) + by));
  return points[at][0];
}
function figure(value) {
  let size = Math.abs(value);
  return value === 0 ? "0" : size < 1e-3 || size >= 1e5 ? value.toExponential(2) : size < 100 ? value.toFixed(3) : value.toFixed(1);
}
var round = (v3) => Math.round(v3 * 10) / 10;

// src/lib/bridge.ts
var CallError = class extends Error {
  constructor(kind, message) {
    super(message);
    this.kind = kind;
  }
  kind;
}, PATIENCE = 3e4, Bridge = class {
  constructor(model) {
    this.model = model;
    this.onMessage = (content) => this.receive(content), model.on("msg:custom", this.onMessage);
  }
  model;
  waiting = /* @__PURE__ */ new Map();
  onMessage;
  count = 0;
  prefix = Math.random().toString(36).slice(2, 8);
  get(name) {
    return this.model.get(name);
  }
  set(name, value) {
    this.model.set(name, value), this.model.save_changes();
  }
  /** Run the callback whenever the trait changes; returns the function that ends it. */
  watch(name, callback) {
    let told = () => callback(this.get(name));
    return this.model.on(`change:${name}`, told), () => this.model.off(`change:${name}`, told);
  }
  /** Call a command of the Python half and wait for its answer. */
  call(name, args = {}, patience = PATIENCE) {
    let id = `${this.prefix}-${++this.count}`;
    return new Promise((resolve, reject) => {
      let timer = setTimeout(() => {
        this.waiting.delete(id), reject(new CallError("NoAnswer", "The kernel does not answer: it is busy, or it has stopped. Run the cell again if it was restarted."));
      }, patience);
      this.waiting.set(id, { resolve, reject, timer });
      try {
        this.model.send({ kind: "call", id, name, args });
      } catch (error) {
        clearTimeout(timer), this.waiting.delete(id), reject(new CallError("NoKernel", `Nothing reached the kernel: ${error instanceof Error ? error.message : String(error)}`));
      }
    });
  }
  /** Let go of the model; calls without an answer fail. */
  dispose() {
    this.model.off("msg:custom", this.onMessage);
    for (let { reject, timer } of this.waiting.values())
      clearTimeout(timer), reject(new CallError("Closed", "The widget was closed."));
    this.waiting.clear();
  }
  receive(content) {
    let reply = content;
    if (reply?.kind !== "reply" || typeof reply.id != "string") return;
    let waiting = this.waiting.get(reply.id);
    waiting && (clearTimeout(waiting.timer), this.waiting.delete(reply.id), reply.ok ? waiting.resolve(reply.value) : waiting.reject(new CallError(reply.error?.type ?? "Error", reply.error?.message ?? "Unknown error")));
  }
};

// node_modules/preact/jsx-runtime/dist/jsxRuntime.mjs
var f3 = /* @__PURE__ */ Symbol.for("pv"), o3 = 0;
function a3(t3, e3, n2, u3, a4, i3) {
  e3 || (e3 = {});
  var c3, l3, p3 = e3;
  if ("ref" in p3 && typeof t3 != "function") for (l3 in p3 = {}, e3) l3 == "ref" ? c3 = e3[l3] : p3[l3] = e3[l3];
  var s3 = { type: t3, props: p3, key: n2, ref: c3, __k: null, __: null, __b: 0, __e: null, __c: null, constructor: f3, __v: --o3, __i: -1, __u: 0 };
  return (a4 || i3) && (s3.__source = a4, s3.__self = i3), n.vnode && n.vnode(s3), s3;
}

// src/lib/ui.tsx
var Boundary = class extends x {
  state = { failed: "" };
  componentDidCatch(error) {
    this.setState({ failed: error instanceof Error ? error.message : String(error) });
  }
  render() {
    return this.state.failed ? /* @__PURE__ */ a3(Note, { kind: "error", children: [
      "This view failed: ",
      this.state.failed,
      ". Run the cell again."
    ] }) : this.props.children;
  }
};
function widget(name, App2) {
  return {
    render({ model, el }) {
      let bridge = new Bridge(model);
      el.classList.add("labkit");
      let keepKeys = ({ target }) => target.setAttribute("data-lm-suppress-shortcuts", "true");
      return el.addEventListener("focusin", keepKeys), el.setAttribute("role", "region"), el.setAttribute("aria-label", name), Q(
        /* @__PURE__ */ a3(Boundary, { children: [
          /* @__PURE__ */ a3(Raised, { bridge }),
          /* @__PURE__ */ a3(App2, { bridge })
        ] }),
        el
      ), () => {
        el.removeEventListener("focusin", keepKeys), Q(null, el), bridge.dispose();
      };
    }
  };
}
function Raised({ bridge }) {
  let [error] = useTrait(bridge, "error");
  return error ? /* @__PURE__ */ a3(Note, { kind: "error", children: error }) : null;
}
function useTrait(bridge, name) {
  let [value, setValue] = d2(() => bridge.get(name));
  F2(() => (setValue(() => bridge.get(name)), bridge.watch(name, (next) => setValue(() => next))), [bridge, name]);
  let set = b((next) => bridge.set(name, next), [bridge, name]);
  return [value, set];
}
function useAsked(key, ask) {
  let [state, setState] = d2({ value: void 0, error: "", busy: !0 }), [turn, setTurn] = d2(0), latest = T2(ask);
  return latest.current = ask, A2(() => {
    let stale = !1;
    return setState((old) => ({ ...old, busy: !0 })), latest.current().then(
      (value) => stale || setState({ value, error: "", busy: !1 }),
      (error) => stale || setState((old) => ({ ...old, error: error.message, busy: !1 }))
    ), () => {
      stale = !0;
    };
  }, [key, turn]), { ...state, again: b(() => setTurn((n2) => n2 + 1), []) };
}
function useAction(act) {
  let [state, setState] = d2({ busy: !1, error: "" }), latest = T2(act);
  latest.current = act;
  let run = b(async (...args) => {
    setState({ busy: !0, error: "" });
    try {
      await latest.current(...args), setState({ busy: !1, error: "" });
    } catch (error) {
      setState({ busy: !1, error: error instanceof Error ? error.message : String(error) });
    }
  }, []);
  return { ...state, run, clear: () => setState({ busy: !1, error: "" }) };
}
function useWidth() {
  let ref = T2(null), [width, setWidth] = d2(0);
  return F2(() => {
    let element = ref.current;
    if (!element) return;
    let observer = new ResizeObserver(() => setWidth(element.clientWidth));
    return observer.observe(element), setWidth(element.clientWidth), () => observer.disconnect();
  }, []), [ref, width];
}
function Button(props) {
  let { children, onClick, kind = "plain", disabled = !1, pressed, label, title } = props;
  return /* @__PURE__ */ a3("button", { type: "button", class: `lk-btn lk-${kind}`, disabled, "aria-pressed": pressed, "aria-label": label, title, onClick, children });
}
function Select(props) {
  return /* @__PURE__ */ a3("select", { class: "lk-input lk-select", value: props.value, "aria-label": props.label, onChange: (event) => props.onChange(event.currentTarget.value), children: [
    props.any !== void 0 && /* @__PURE__ */ a3("option", { value: "", children: props.any }),
    props.options.map((option) => {
      let [value, text] = typeof option == "string" ? [option, option] : option;
      return /* @__PURE__ */ a3("option", { value, selected: value === props.value, children: text }, value);
    })
  ] });
}
function Note(props) {
  return /* @__PURE__ */ a3("div", { class: `lk-note lk-note-${props.kind}`, role: props.kind === "error" ? "alert" : "status", children: [
    /* @__PURE__ */ a3("div", { class: "lk-note-text", children: props.children }),
    props.onClose && /* @__PURE__ */ a3("button", { type: "button", class: "lk-btn lk-ghost", "aria-label": "Close message", onClick: props.onClose, children: "\u2715" })
  ] });
}
function Empty(props) {
  return /* @__PURE__ */ a3("div", { class: "lk-empty", children: [
    /* @__PURE__ */ a3("strong", { children: props.title }),
    props.children && /* @__PURE__ */ a3("div", { children: props.children })
  ] });
}
function Bar(props) {
  let share = Math.max(0, Math.min(1, props.share || 0));
  return /* @__PURE__ */ a3("div", { class: "lk-bar", role: "progressbar", "aria-label": props.label, "aria-valuemin": 0, "aria-valuemax": 100, "aria-valuenow": Math.round(share * 100), children: /* @__PURE__ */ a3("div", { style: { width: `${share * 100}%` } }) });
}
function Code({ bridge }) {
  let [code] = useTrait(bridge, "code"), [open, setOpen] = d2(!1), [copied, setCopied] = d2(!1);
  return /* @__PURE__ */ a3("div", { class: "lk-code", children: [
    /* @__PURE__ */ a3("button", { type: "button", class: "lk-btn lk-ghost", "aria-expanded": open, onClick: () => setOpen(!open), children: open ? "Hide code" : "Show code" }),
    open && /* @__PURE__ */ a3("div", { class: "lk-code-body", children: [
      /* @__PURE__ */ a3("pre", { tabIndex: 0, "aria-label": "Python code", children: code }),
      /* @__PURE__ */ a3(Button, { onClick: () => {
        let done = () => {
          setCopied(!0), setTimeout(() => setCopied(!1), 1500);
        };
        navigator.clipboard?.writeText(code).then(done, () => setCopied(!1));
      }, children: copied ? "Copied" : "Copy" })
    ] })
  ] });
}

// src/lib/chart_view.tsx
var LEFT = 44, RIGHT = 8, TOP = 8, BOTTOM = 20;
function LineChart(props) {
  let { title, series, range, cursor, onCursor, where, height = 160, mark, bounds } = props, [box, width] = useWidth(), values = series.flatMap((s3) => s3.points.map((p3) => p3[1])), domain = widened(extent(values), 0.06, bounds?.[0], bounds?.[1]), right = Math.max(LEFT + 10, width - RIGHT), x2 = scale(range, [LEFT, right]), y3 = scale(domain, [height - BOTTOM, TOP]), rows = ticks(domain, Math.max(2, Math.floor(height / 45))), columns = wholeTicks(range, Math.max(2, Math.floor(width / 110))), track = series.filter((s3) => !s3.faint).reduce((most, s3) => s3.points.length > most.length ? s3.points : most, []), pointed = T2(!1), at = (event) => {
    pointed.current = !0;
    let left = event.currentTarget.getBoundingClientRect().left, share = (event.clientX - left - LEFT) / (right - LEFT), wanted = range[0] + share * (range[1] - range[0]), found = track[nearest(track, wanted)];
    onCursor(found ? found[0] : null);
  }, onKey = (event) => {
    pointed.current = !1;
    let far = Math.max(1, Math.round(track.length / 10)), by = { ArrowRight: 1, ArrowLeft: -1, ArrowUp: 1, ArrowDown: -1, PageUp: far, PageDown: -far, Home: -1 / 0, End: 1 / 0 }[event.key];
    if (event.key === "Escape") onCursor(null);
    else {
      if (by === void 0) return;
      Number.isFinite(by) ? onCursor(stepped(track, cursor, by)) : onCursor((by < 0 ? track[0] : track[track.length - 1])?.[0] ?? null);
    }
    event.preventDefault(), event.stopPropagation();
  }, read = series.filter((s3) => !s3.faint && s3.points.length > 0).map((s3) => {
    let point = cursor === null ? s3.points[s3.points.length - 1] : s3.points[nearest(s3.points, cursor)];
    return { name: s3.name, colour: s3.colour, text: (s3.format ?? figure)(point[1]), point };
  }), last = track[track.length - 1]?.[0] ?? 0, now = cursor ?? last, said = read.map((r3) => `${r3.name} ${r3.text}`).join(", ");
  return /* @__PURE__ */ a3("div", { class: "lk-chart", children: [
    /* @__PURE__ */ a3("div", { class: "lk-chart-head", children: [
      /* @__PURE__ */ a3("h4", { children: title }),
      /* @__PURE__ */ a3("div", { class: "lk-chart-read", children: read.map((r3) => /* @__PURE__ */ a3("span", { class: "lk-chart-key", children: [
        /* @__PURE__ */ a3("i", { style: { background: r3.colour } }),
        read.length > 1 || r3.name !== title ? `${r3.name} ` : "",
        /* @__PURE__ */ a3("b", { children: r3.text })
      ] }, r3.name)) }),
      props.children
    ] }),
    /* @__PURE__ */ a3(
      "div",
      {
        ref: box,
        class: "lk-chart-plot",
        style: { height: `${height}px` },
        role: "slider",
        tabIndex: 0,
        "aria-label": `${title}, read step by step with the arrow keys`,
        "aria-orientation": "horizontal",
        "aria-valuemin": range[0],
        "aria-valuemax": range[1],
        "aria-valuenow": now,
        "aria-valuetext": read.length ? `${where(now)}: ${said}` : "nothing yet",
        onPointerMove: at,
        onPointerLeave: () => pointed.current && onCursor(null),
        onKeyDown: onKey,
        onBlur: () => onCursor(null),
        children: [
          width > 0 && /* @__PURE__ */ a3("svg", { width, height, "aria-hidden": "true", children: [
            rows.map((v3) => /* @__PURE__ */ a3("g", { children: [
              /* @__PURE__ */ a3("line", { class: "lk-grid", x1: LEFT, x2: right, y1: y3(v3), y2: y3(v3) }),
              /* @__PURE__ */ a3("text", { class: "lk-tick", x: LEFT - 6, y: y3(v3), "text-anchor": "end", "dominant-baseline": "central", children: tickText(v3, rows) })
            ] }, v3)),
            columns.map((v3) => /* @__PURE__ */ a3("text", { class: "lk-tick", x: x2(v3), y: height - 5, "text-anchor": v3 === range[0] ? "start" : x2(v3) > right - 14 ? "end" : "middle", children: tickText(v3, columns) }, v3)),
            mark && /* @__PURE__ */ a3("g", { children: [
              /* @__PURE__ */ a3("line", { class: "lk-mark", x1: x2(mark.x), x2: x2(mark.x), y1: TOP, y2: height - BOTTOM }),
              /* @__PURE__ */ a3("text", { class: "lk-tick", x: x2(mark.x) + (x2(mark.x) > width / 2 ? -4 : 4), y: TOP + 6, "text-anchor": x2(mark.x) > width / 2 ? "end" : "start", "dominant-baseline": "central", children: mark.text })
            ] }),
            series.map((s3) => /* @__PURE__ */ a3("g", { style: { color: s3.colour }, class: s3.faint ? "lk-faint" : void 0, children: [
              /* @__PURE__ */ a3("path", { class: "lk-line", d: path(s3.points, x2, y3) }),
              (s3.dots || s3.points.length === 1) && s3.points.map((p3) => /* @__PURE__ */ a3("circle", { cx: x2(p3[0]), cy: y3(p3[1]), r: mark?.x === p3[0] ? 4.5 : 2.5, fill: "currentColor" }, p3[0]))
            ] }, s3.name)),
            cursor !== null && /* @__PURE__ */ a3("g", { children: [
              /* @__PURE__ */ a3("line", { class: "lk-cursor", x1: x2(cursor), x2: x2(cursor), y1: TOP, y2: height - BOTTOM }),
              read.map((r3) => /* @__PURE__ */ a3("circle", { class: "lk-cursor-dot", cx: x2(r3.point[0]), cy: y3(r3.point[1]), r: 3.5, fill: r3.colour }, r3.name)),
              /* @__PURE__ */ a3("text", { class: "lk-tick lk-tick-at", x: Math.min(right - 30, Math.max(LEFT + 30, x2(cursor))), y: height - 5, "text-anchor": "middle", children: where(cursor) })
            ] })
          ] }),
          values.length === 0 && /* @__PURE__ */ a3("div", { class: "lk-chart-empty", children: "nothing yet" })
        ]
      }
    )
  ] });
}

// src/lib/format.ts
var count = (n2) => Math.round(n2).toLocaleString("en-US");
var fixed = (value, digits = 3) => value == null || !Number.isFinite(value) ? "\u2013" : value.toFixed(digits);
function clock(seconds) {
  return seconds == null || !Number.isFinite(seconds) ? "\u2013" : seconds < 90 ? `${Math.round(seconds)} s` : seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}
var megabytes = (mb) => mb < 1e3 ? `${Math.round(mb)} MB` : `${(mb / 1e3).toFixed(1)} GB`;
function short(n2) {
  return n2 < 1e3 ? String(Math.round(n2 * 10) / 10) : n2 < 1e6 ? `${(n2 / 1e3).toFixed(n2 < 1e4 ? 1 : 0)} k` : `${(n2 / 1e6).toFixed(n2 < 1e7 ? 1 : 0)} M`;
}
var CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g, visible = (text) => text.replace(CONTROLS, (c3) => c3 === "\u200B" || c3 === "\uFEFF" ? "\xB7" : "\u2426");

// src/training_monitor.tsx
var CHIPS = {
  running: "lk-chip-accent",
  completed: "lk-chip-good",
  stopped: "lk-chip-warn",
  interrupted: "lk-chip-warn",
  failed: "lk-chip-bad"
}, Pill = ({ status }) => /* @__PURE__ */ a3("span", { class: `lk-chip tm-pill ${CHIPS[status] ?? ""}`, children: status });
function App({ bridge }) {
  let [directory] = useTrait(bridge, "directory");
  return /* @__PURE__ */ a3($, { children: [
    directory ? /* @__PURE__ */ a3(Watched, { bridge }, directory) : /* @__PURE__ */ a3(Runs, { bridge }),
    /* @__PURE__ */ a3("div", { class: "lk-foot", children: [
      /* @__PURE__ */ a3(Where, { bridge }),
      /* @__PURE__ */ a3(Code, { bridge })
    ] })
  ] });
}
function Where({ bridge }) {
  let [directory] = useTrait(bridge, "directory"), [folder] = useTrait(bridge, "folder");
  return /* @__PURE__ */ a3("span", { class: "lk-cut tm-where", title: directory || folder, children: directory || folder });
}
function Runs({ bridge }) {
  let [folder, setFolder] = useTrait(bridge, "folder"), list = useAsked(folder, () => bridge.call("runs")), attach = useAction((directory) => bridge.call("attach", { directory })), rows = list.value;
  return /* @__PURE__ */ a3($, { children: [
    /* @__PURE__ */ a3("div", { class: "lk-head", children: [
      /* @__PURE__ */ a3("h3", { children: "Runs" }),
      /* @__PURE__ */ a3(Button, { onClick: list.again, disabled: list.busy, children: "Refresh" })
    ] }),
    list.error && /* @__PURE__ */ a3(Note, { kind: "error", children: list.error }),
    attach.error && /* @__PURE__ */ a3(Note, { kind: "error", children: attach.error }),
    rows === void 0 ? /* @__PURE__ */ a3(Empty, { title: "Looking for runs\u2026" }) : rows.length === 0 ? /* @__PURE__ */ a3(Empty, { title: `No runs in ${folder} yet`, children: [
      'Start one with TrainingLauncher, or with \u201Clabkit train\u201D, and press Refresh. Runs of another folder: monitor.folder = "\u2026".',
      folder !== "runs" && /* @__PURE__ */ a3(Button, { onClick: () => setFolder("runs"), children: "Look in runs" })
    ] }) : /* @__PURE__ */ a3("div", { class: "lk-scroll tm-runs", children: /* @__PURE__ */ a3("table", { class: "lk-table", children: [
      /* @__PURE__ */ a3("thead", { children: /* @__PURE__ */ a3("tr", { children: [
        /* @__PURE__ */ a3("th", { scope: "col", children: "Run" }),
        /* @__PURE__ */ a3("th", { scope: "col", children: "Status" }),
        /* @__PURE__ */ a3("th", { scope: "col", class: "lk-num", children: "Steps" }),
        /* @__PURE__ */ a3("th", { scope: "col", class: "lk-num", children: "Score" }),
        /* @__PURE__ */ a3("th", { scope: "col", class: "tm-wide", children: "Started" })
      ] }) }),
      /* @__PURE__ */ a3("tbody", { children: rows.map((row) => /* @__PURE__ */ a3("tr", { class: "tm-run", onClick: () => attach.run(row.directory), children: [
        /* @__PURE__ */ a3("td", { children: [
          /* @__PURE__ */ a3("button", { type: "button", class: "tm-name lk-text", children: visible(row.name) }),
          /* @__PURE__ */ a3("div", { class: "lk-quiet tm-sub lk-text", children: row.problem ? row.problem : visible(`${row.model} on ${row.data}`) })
        ] }),
        /* @__PURE__ */ a3("td", { children: /* @__PURE__ */ a3(Pill, { status: row.problem ? "damaged" : row.status }) }),
        /* @__PURE__ */ a3("td", { class: "lk-num", children: row.steps ? row.step === row.steps ? count(row.steps) : `${count(row.step)} of ${count(row.steps)}` : "\u2013" }),
        /* @__PURE__ */ a3("td", { class: "lk-num", children: row.score || "\u2013" }),
        /* @__PURE__ */ a3("td", { class: "tm-wide lk-quiet", children: row.started ? new Date(row.started * 1e3).toLocaleString() : "\u2013" })
      ] }, row.directory)) })
    ] }) })
  ] });
}
function Watched({ bridge }) {
  let [status] = useTrait(bridge, "status"), [state] = useTrait(bridge, "state"), [findings] = useTrait(bridge, "findings"), [results] = useTrait(bridge, "results"), act = useAction((name) => bridge.call(name, name === "attach" ? { directory: "" } : {}));
  return A2(() => {
    bridge.call("refresh").catch(() => {
    });
  }, [bridge]), /* @__PURE__ */ a3($, { children: [
    /* @__PURE__ */ a3("div", { class: "lk-head", children: [
      /* @__PURE__ */ a3("h3", { class: "lk-cut", children: visible(state.name ?? "") }),
      /* @__PURE__ */ a3(Pill, { status: state.stopping && status === "running" ? "stopping" : status }),
      status === "running" && /* @__PURE__ */ a3(Button, { disabled: act.busy || !!state.stopping, onClick: () => act.run("stop"), title: "Save a checkpoint and stop after the current step", children: "Stop and save" }),
      state.resumable && /* @__PURE__ */ a3(Button, { kind: "primary", disabled: act.busy, onClick: () => act.run("resume"), title: "Go on from the last checkpoint", children: "Resume" }),
      /* @__PURE__ */ a3(Button, { kind: "ghost", onClick: () => act.run("attach"), children: "All runs" })
    ] }),
    act.error && /* @__PURE__ */ a3(Note, { kind: "error", onClose: act.clear, children: act.error }),
    /* @__PURE__ */ a3(Progress, { status, state }),
    state.error && /* @__PURE__ */ a3(Note, { kind: status === "failed" ? "error" : "warning", children: state.error }),
    results.error && /* @__PURE__ */ a3(Note, { kind: "error", children: results.error }),
    results.rows && /* @__PURE__ */ a3(Scores, { results }),
    /* @__PURE__ */ a3(Charts, { bridge }),
    findings.length > 0 && /* @__PURE__ */ a3(Diagnosis, { bridge, findings }),
    /* @__PURE__ */ a3(Log, { bridge })
  ] });
}
function Progress({ status, state }) {
  let { step = 0, steps = 0, epoch = 0, epochs = 0 } = state, share = steps ? step / steps : 0, running = status === "running", phase = running ? state.stopping ? "Stopping: a checkpoint is being saved." : state.phase : "", said = [state.model, state.data && `on ${state.data}`, state.rows?.train && `${count(state.rows.train)} training rows`, state.precision, `seed ${state.seed ?? 0}`];
  return /* @__PURE__ */ a3("div", { class: "tm-progress", children: [
    /* @__PURE__ */ a3("div", { class: "tm-said", children: [
      /* @__PURE__ */ a3("span", { class: "lk-cut", children: said.filter(Boolean).join(" \xB7 ") }),
      /* @__PURE__ */ a3("span", { class: "tm-phase", role: "status", children: phase })
    ] }),
    /* @__PURE__ */ a3(Bar, { share, label: "Training steps done" }),
    /* @__PURE__ */ a3("dl", { class: "tm-facts", children: [
      /* @__PURE__ */ a3(Fact, { name: "Step", value: count(step), of: steps ? count(steps) : "" }),
      /* @__PURE__ */ a3(Fact, { name: "Epoch", value: epoch.toFixed(1), of: epochs ? String(epochs) : "" }),
      /* @__PURE__ */ a3(Fact, { name: running ? "Time left" : "Time taken", value: running ? clock(state.seconds_left) : clock(state.elapsed) }),
      /* @__PURE__ */ a3(Fact, { name: "Tokens per second", value: state.tokens_per_second ? short(Math.round(state.tokens_per_second)) : "\u2013" }),
      /* @__PURE__ */ a3(Fact, { name: "Memory", value: state.memory_mb ? megabytes(state.memory_mb) : "\u2013" })
    ] })
  ] });
}
function Fact(props) {
  return /* @__PURE__ */ a3("div", { children: [
    /* @__PURE__ */ a3("dt", { children: props.name }),
    /* @__PURE__ */ a3("dd", { children: [
      props.value,
      props.of && /* @__PURE__ */ a3("span", { class: "lk-quiet", children: [
        " / ",
        props.of
      ] })
    ] })
  ] });
}
function Charts({ bridge }) {
  let [curves] = useTrait(bridge, "curves"), [, setMetric] = useTrait(bridge, "metric"), [cursor, setCursor] = d2(null), c3 = curves, steps = Math.max(1, c3.steps ?? 1), where = (step) => {
    let epoch = c3.epochs && c3.steps ? ` \xB7 epoch ${(step / c3.steps * c3.epochs).toFixed(1)}` : "";
    return `step ${count(step)}${epoch}`;
  }, smooth = c3.smooth ?? [], loss = [
    { name: "each step", points: c3.training ?? [], colour: "var(--sky)", faint: !0 },
    { name: "training", points: smooth, colour: "var(--blue)" },
    { name: "validation", points: c3.validation ?? [], colour: "var(--vermillion)", dots: !0 }
  ], chosen = c3.chosen ?? "", shares = !["log_loss", "loss", "mcc"].includes(chosen), best = c3.best ?? null, bestPoint = (c3.metric ?? []).find((p3) => p3[0] === best), shared = { range: [0, steps], cursor, onCursor: setCursor, where }, mark = best === null ? null : { x: best, text: bestPoint ? `best ${fixed(bestPoint[1])}` : "best" };
  return /* @__PURE__ */ a3("div", { class: "tm-charts", children: [
    /* @__PURE__ */ a3(LineChart, { ...shared, title: "Loss", series: loss, height: 190, bounds: [0, 1 / 0], mark: best === null ? null : { x: best, text: "" } }),
    /* @__PURE__ */ a3(
      LineChart,
      {
        ...shared,
        title: "Validation",
        series: [{ name: c3.title || "Metric", points: c3.metric ?? [], colour: "var(--green)", dots: !0 }],
        height: 190,
        ...shares ? { bounds: [0, 1] } : {},
        mark,
        children: (c3.choices?.length ?? 0) > 1 && /* @__PURE__ */ a3("div", { class: "tm-metric", children: /* @__PURE__ */ a3(Select, { label: "Metric shown", value: chosen, options: c3.choices ?? [], onChange: setMetric }) })
      }
    ),
    /* @__PURE__ */ a3(
      LineChart,
      {
        ...shared,
        title: "Learning rate",
        series: [{ name: "Learning rate", points: c3.rate ?? [], colour: "var(--purple)", format: (v3) => v3 ? v3.toExponential(1).replace(".0e", "e") : "0" }],
        height: 190,
        bounds: [0, 1 / 0]
      }
    )
  ] });
}
var SIGNS = { serious: "\u2715", warning: "!", note: "i", good: "\u2713" }, SEVERITY = { serious: "Serious", warning: "Warning", note: "Note", good: "Good" };
function Diagnosis({ bridge, findings }) {
  let [suggested] = useTrait(bridge, "suggested"), put = useAction((kind) => bridge.call("try_it", { kind })), taken = JSON.stringify(suggested);
  return /* @__PURE__ */ a3("section", { class: "tm-part", "aria-label": "Diagnosis", children: [
    /* @__PURE__ */ a3("h4", { children: "Diagnosis" }),
    /* @__PURE__ */ a3("ul", { class: "tm-findings", children: findings.map((found) => {
      let changes = Object.entries(found.changes), chosen = changes.length > 0 && JSON.stringify(found.changes) === taken;
      return /* @__PURE__ */ a3("li", { class: `tm-finding tm-${found.severity}`, children: [
        /* @__PURE__ */ a3("span", { class: "tm-sign", role: "img", "aria-label": SEVERITY[found.severity], children: SIGNS[found.severity] }),
        /* @__PURE__ */ a3("div", { class: "tm-words", children: [
          /* @__PURE__ */ a3("div", { children: found.text }),
          found.advice && /* @__PURE__ */ a3("div", { class: "lk-quiet", children: found.advice }),
          changes.length > 0 && /* @__PURE__ */ a3("div", { class: "tm-changes", children: changes.map(([name, value]) => /* @__PURE__ */ a3("code", { children: [
            name,
            " = ",
            JSON.stringify(value)
          ] }, name)) })
        ] }),
        changes.length > 0 && /* @__PURE__ */ a3(Button, { pressed: chosen, disabled: put.busy, onClick: () => put.run(found.kind), label: `Try it: ${found.kind}`, children: chosen ? "Chosen" : "Try it" })
      ] }, found.kind);
    }) }),
    put.error && /* @__PURE__ */ a3(Note, { kind: "error", children: put.error }),
    Object.keys(suggested).length > 0 && /* @__PURE__ */ a3("p", { class: "lk-quiet tm-next", role: "status", children: [
      "Kept in ",
      /* @__PURE__ */ a3("code", { children: "monitor.suggested" }),
      ". A launcher takes it: ",
      /* @__PURE__ */ a3("code", { children: "launcher.set(**monitor.suggested)" })
    ] })
  ] });
}
function Scores({ results }) {
  let rows = results.rows ?? [], others = results.baselines ?? [];
  return /* @__PURE__ */ a3("section", { class: "tm-part", "aria-label": "Final scores", children: [
    /* @__PURE__ */ a3("h4", { children: [
      "Scores on ",
      count(results.n ?? 0),
      " rows of the ",
      results.split,
      " split"
    ] }),
    /* @__PURE__ */ a3("div", { class: "lk-scroll", tabIndex: 0, role: "group", "aria-label": "Table of scores", children: /* @__PURE__ */ a3("table", { class: "lk-table tm-scores", children: [
      /* @__PURE__ */ a3("thead", { children: /* @__PURE__ */ a3("tr", { children: [
        /* @__PURE__ */ a3("th", { scope: "col", children: /* @__PURE__ */ a3("span", { class: "lk-sr", children: "Metric" }) }),
        /* @__PURE__ */ a3("th", { scope: "col", class: "lk-num", children: "Model" }),
        /* @__PURE__ */ a3("th", { scope: "col", children: [
          Math.round(100 * (results.confidence ?? 0.95)),
          " % interval"
        ] }),
        others.map((name) => /* @__PURE__ */ a3("th", { scope: "col", class: "lk-num", children: name }, name))
      ] }) }),
      /* @__PURE__ */ a3("tbody", { children: rows.map((row) => /* @__PURE__ */ a3("tr", { children: [
        /* @__PURE__ */ a3("th", { scope: "row", children: row.title }),
        /* @__PURE__ */ a3("td", { class: "lk-num", children: /* @__PURE__ */ a3("b", { children: fixed(row.value) }) }),
        /* @__PURE__ */ a3("td", { children: /* @__PURE__ */ a3(Interval, { row, others }) }),
        row.baselines.map((value, at) => /* @__PURE__ */ a3("td", { class: "lk-num", children: fixed(value) }, at))
      ] }, row.name)) })
    ] }) }),
    /* @__PURE__ */ a3("ul", { class: "lk-list tm-sentences", children: [...results.sentences ?? [], ...results.notes ?? []].map((said) => /* @__PURE__ */ a3("li", { class: "lk-text", children: said }, said)) })
  ] });
}
function Interval({ row, others }) {
  if (row.low === null || row.high === null) return /* @__PURE__ */ a3("span", { class: "lk-quiet", children: "\u2013" });
  let text = `${fixed(row.low)} \u2013 ${fixed(row.high)}`, shares = !["log_loss", "ece", "hamming_loss", "mcc"].includes(row.name), at = (value) => 2 + 116 * Math.max(0, Math.min(1, value));
  return /* @__PURE__ */ a3("span", { class: "tm-interval", children: [
    /* @__PURE__ */ a3("span", { class: "tm-span", children: text }),
    shares && /* @__PURE__ */ a3("svg", { width: "120", height: "14", class: "tm-range", role: "img", "aria-label": `${row.title} between ${text}${others.map((n2, i3) => row.baselines[i3] == null ? "" : `, ${n2} ${fixed(row.baselines[i3])}`).join("")}`, children: [
      /* @__PURE__ */ a3("line", { class: "tm-axis", x1: "2", x2: "118", y1: "7", y2: "7" }),
      row.baselines.map((value, i3) => value !== null && /* @__PURE__ */ a3("line", { class: "tm-other", x1: at(value), x2: at(value), y1: "2", y2: "12" }, i3)),
      /* @__PURE__ */ a3("line", { class: "tm-reach", x1: at(row.low), x2: at(row.high), y1: "7", y2: "7" }),
      /* @__PURE__ */ a3("circle", { class: "tm-dot", cx: at(row.value), cy: "7", r: "3.5" })
    ] })
  ] });
}
function Log({ bridge }) {
  let [log] = useTrait(bridge, "log"), [open, setOpen] = d2(!1), box = T2(null);
  A2(() => {
    let pre = box.current;
    pre && pre.scrollHeight - pre.scrollTop - pre.clientHeight < 80 && (pre.scrollTop = pre.scrollHeight);
  }, [log, open]);
  let lines = log.split(`
`);
  return /* @__PURE__ */ a3("section", { class: "tm-part tm-log", "aria-label": "Log", children: [
    /* @__PURE__ */ a3("button", { type: "button", class: "lk-btn lk-ghost tm-fold", "aria-expanded": open, onClick: () => setOpen(!open), children: [
      /* @__PURE__ */ a3("span", { "aria-hidden": "true", children: open ? "\u25BE" : "\u25B8" }),
      " Log"
    ] }),
    !open && /* @__PURE__ */ a3("span", { class: "lk-cut lk-quiet tm-last", children: visible(lines[lines.length - 1] ?? "") }),
    open && /* @__PURE__ */ a3("pre", { ref: box, class: "lk-text tm-lines", tabIndex: 0, role: "log", "aria-label": "Log of the run", children: log })
  ] });
}
var training_monitor_default = widget("Training monitor", App);
export {
  training_monitor_default as default
};
