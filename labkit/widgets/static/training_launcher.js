// Generated from widgets/src/training_launcher.tsx by "npm run build". Do not edit.

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
  var s3, p3, v3, d3, k2, b2, m3, M, C3, j2, L2, H2, q2, A3, O, P3, T3, N2, V2 = r3.type;
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
            if (N2 == P3) break;
          } else {
            if (N2.nodeType != 8) break;
            N2.data.startsWith("$s") && (P3 = B(O = N2));
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
function P2() {
  var n2 = y2(t2++, 11);
  if (!n2.__) {
    for (var u3 = r2.__v; !u3.__m && u3.__; ) u3 = u3.__;
    var i3 = u3.__m || (u3.__m = [0, 0]);
    n2.__ = "P" + i3[0] + "-" + i3[1]++;
  }
  return n2.__;
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

// src/lib/format.ts
var count = (n2) => Math.round(n2).toLocaleString("en-US");
function clock(seconds) {
  return seconds == null || !Number.isFinite(seconds) ? "\u2013" : seconds < 90 ? `${Math.round(seconds)} s` : seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}
var megabytes = (mb) => mb < 1e3 ? `${Math.round(mb)} MB` : `${(mb / 1e3).toFixed(1)} GB`;
var CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g, visible = (text) => text.replace(CONTROLS, (c3) => c3 === "\u200B" || c3 === "\uFEFF" ? "\xB7" : "\u2426");

// src/lib/recipe.ts
function numberText(value) {
  return value !== 0 && Math.abs(value) < 1e-3 ? value.toExponential().replace("e+", "e") : String(value);
}
function fieldText(field, value) {
  let now = value ?? field.default;
  return now === null || field.blank && same(now, field.default) ? "" : Array.isArray(now) ? now.join(", ") : typeof now == "number" ? numberText(now) : String(now);
}
function fieldValue(field, text) {
  let value = text;
  if (field.kind === "number" || field.kind === "integer") {
    let plain = text.trim();
    if (plain === "") return;
    let read = Number(plain);
    value = Number.isFinite(read) ? read : plain;
  } else if (field.kind === "list" || field.kind === "flags")
    value = text.split(",").map((part) => part.trim()).filter(Boolean);
  else if (field.kind === "switch") value = text === "true";
  else if (field.kind === "three") {
    if (text === "") return;
    value = text === "true";
  }
  return same(value, field.default) ? void 0 : value;
}
function put(values, name, value) {
  let next = { ...values };
  return value === void 0 ? delete next[name] : next[name] = value, next;
}
function alike(a4, b2) {
  let names = Object.keys(a4);
  return names.length === Object.keys(b2).length && names.every((name) => name in b2 && same(a4[name], b2[name]));
}
function atField(name, problem) {
  let rest = problem.startsWith(`${name} `) ? problem.slice(name.length + 1) : problem;
  return rest.charAt(0).toUpperCase() + rest.slice(1);
}
var same = (a4, b2) => JSON.stringify(a4) === JSON.stringify(b2);

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
function useDebounced(value, milliseconds = 150) {
  let [late, setLate] = d2(value);
  return A2(() => {
    let timer = setTimeout(() => setLate(() => value), milliseconds);
    return () => clearTimeout(timer);
  }, [value, milliseconds]), late;
}
function Button(props) {
  let { children, onClick, kind = "plain", disabled = !1, pressed, label, title: title2 } = props;
  return /* @__PURE__ */ a3("button", { type: "button", class: `lk-btn lk-${kind}`, disabled, "aria-pressed": pressed, "aria-label": label, title: title2, onClick, children });
}
function Segments(props) {
  return /* @__PURE__ */ a3("div", { class: "lk-segments", role: "radiogroup", "aria-label": props.label, children: props.options.map(([value, text], at) => /* @__PURE__ */ a3(
    "button",
    {
      type: "button",
      role: "radio",
      "aria-checked": value === props.value,
      tabIndex: value === props.value ? 0 : -1,
      onClick: () => props.onChange(value),
      onKeyDown: (event) => {
        let step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0, next = props.options[(at + step + props.options.length) % props.options.length];
        if (!step || !next) return;
        event.preventDefault(), props.onChange(next[0]), event.currentTarget.parentElement?.querySelectorAll("button")?.[(at + step + props.options.length) % props.options.length]?.focus();
      },
      children: text
    },
    value
  )) });
}
function Check(props) {
  return /* @__PURE__ */ a3("label", { class: "lk-check", children: [
    /* @__PURE__ */ a3("input", { type: "checkbox", checked: props.checked, onChange: (event) => props.onChange(event.currentTarget.checked) }),
    /* @__PURE__ */ a3("span", { children: props.children })
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

// src/training_launcher.tsx
var title = (section) => section ? section.charAt(0).toUpperCase() + section.slice(1) : "Task";
function App({ bridge }) {
  let form = useAsked("form", () => bridge.call("form")), [problems] = useTrait(bridge, "problems"), [forecast] = useTrait(bridge, "forecast"), draft = useDraft(bridge), [open, setOpen] = d2({}), root = T2(null), [wanted, setWanted] = d2("");
  A2(() => {
    wanted && (root.current?.querySelector(`[data-field="${wanted}"] :is(input, select)`)?.focus(), setWanted(""));
  }, [wanted]);
  let all = { ...problems };
  forecast.problem && forecast.field && !all[forecast.field] && (all[forecast.field] = forecast.problem);
  let sections = form.value ?? [], fields = sections.flatMap((s3) => s3.fields), essential = fields.filter((f4) => f4.essential).sort((a4, b2) => ORDER.indexOf(a4.name) - ORDER.indexOf(b2.name)), goTo = (name) => {
    let home = sections.find((s3) => s3.fields.some((f4) => f4.name === name && !f4.essential));
    home && setOpen({ ...open, [home.name]: !0 }), setWanted(name);
  }, changed = Object.keys(draft.values).length, control = (field) => /* @__PURE__ */ a3(Control, { field, value: draft.values[field.name], problem: all[field.name] ?? "", onChange: (v3) => draft.put(field.name, v3) }, field.name);
  return /* @__PURE__ */ a3($, { children: [
    /* @__PURE__ */ a3("div", { class: "lk-head", children: [
      /* @__PURE__ */ a3("h3", { children: "Training recipe" }),
      /* @__PURE__ */ a3("span", { class: "lk-chip lk-chip-accent", children: changed === 1 ? "1 setting changed" : `${changed} settings changed` }),
      /* @__PURE__ */ a3(Reset, { bridge, disabled: changed === 0 })
    ] }),
    form.error && /* @__PURE__ */ a3(Note, { kind: "error", children: form.error }),
    draft.error && /* @__PURE__ */ a3(Note, { kind: "error", children: draft.error }),
    all[""] && /* @__PURE__ */ a3(Note, { kind: "error", children: all[""] }),
    /* @__PURE__ */ a3("div", { class: "tl-split", ref: root, children: [
      /* @__PURE__ */ a3("div", { class: "tl-form", children: [
        form.value === void 0 && !form.error ? /* @__PURE__ */ a3(Empty, { title: "Loading the form\u2026" }) : /* @__PURE__ */ a3("div", { class: "tl-fields tl-essential", children: essential.map(control) }),
        sections.map((section) => /* @__PURE__ */ a3(
          Section,
          {
            section,
            values: draft.values,
            problems: all,
            open: !!open[section.name],
            toggle: () => setOpen({ ...open, [section.name]: !open[section.name] }),
            children: control
          },
          section.name
        ))
      ] }),
      /* @__PURE__ */ a3("div", { class: "tl-side", children: [
        /* @__PURE__ */ a3(Cost, { bridge }),
        /* @__PURE__ */ a3(Recipe, { bridge })
      ] })
    ] }),
    /* @__PURE__ */ a3(Launch, { bridge, problems: all, fields, goTo, ready: draft.settled }),
    /* @__PURE__ */ a3("div", { class: "lk-foot", children: [
      /* @__PURE__ */ a3(OutFolder, { bridge }),
      /* @__PURE__ */ a3(Code, { bridge })
    ] })
  ] });
}
var ORDER = ["data.train", "model.name", "optimizer.learning_rate", "budget.epochs", "optimizer.batch_size", "model.max_length", "evaluation.metric", "seed"];
function OutFolder({ bridge }) {
  let [out] = useTrait(bridge, "out");
  return /* @__PURE__ */ a3("span", { class: "lk-cut", children: [
    "Runs go to ",
    /* @__PURE__ */ a3("code", { children: out })
  ] });
}
function useDraft(bridge) {
  let [values] = useTrait(bridge, "values"), [draft, setDraft] = d2(values), [busy, setBusy] = d2(!1), [error, setError] = d2(""), known = T2(values), typed = T2(values), waiting = T2(!1), show = b((next) => {
    typed.current = next, setDraft(next);
  }, []);
  A2(() => {
    waiting.current || alike(values, known.current) || (known.current = values, show(values));
  }, [values]);
  let late = useDebounced(draft, 250);
  return A2(() => {
    busy || alike(late, known.current) || (known.current = late, waiting.current = !0, setBusy(!0), bridge.call("check", { values: late }).then(
      () => setError(""),
      (failed) => setError(failed.message)
    ).finally(() => {
      waiting.current = !1, setBusy(!1);
      let now = bridge.get("values");
      alike(now, late) || (known.current = now, alike(typed.current, late) && show(now));
    }));
  }, [late, busy]), {
    values: draft,
    error,
    settled: !busy && alike(draft, known.current),
    put: (name, value) => show(put(typed.current, name, value))
  };
}
function Reset({ bridge, disabled }) {
  let act = useAction(() => bridge.call("reset"));
  return /* @__PURE__ */ a3($, { children: [
    /* @__PURE__ */ a3(Button, { kind: "ghost", disabled: disabled || act.busy, onClick: () => act.run(), children: "Reset" }),
    act.error && /* @__PURE__ */ a3("span", { class: "lk-problem", children: act.error })
  ] });
}
function Section(props) {
  let { section, values, problems, open, toggle, children } = props, body = P2(), fields = section.fields.filter((f4) => !f4.essential);
  if (fields.length === 0) return null;
  let changed = fields.filter((f4) => f4.name in values).length, wrong = fields.filter((f4) => problems[f4.name]).length;
  return /* @__PURE__ */ a3("section", { class: "tl-section", "aria-label": title(section.name), children: [
    /* @__PURE__ */ a3("button", { type: "button", class: "tl-fold", "aria-expanded": open, "aria-controls": body, onClick: toggle, children: [
      /* @__PURE__ */ a3("span", { class: "tl-arrow", "aria-hidden": "true", children: open ? "\u25BE" : "\u25B8" }),
      /* @__PURE__ */ a3("b", { children: title(section.name) }),
      /* @__PURE__ */ a3("span", { class: "lk-quiet lk-cut tl-about", children: section.help }),
      wrong > 0 && /* @__PURE__ */ a3("span", { class: "lk-chip lk-chip-bad", children: wrong === 1 ? "1 problem" : `${wrong} problems` }),
      changed > 0 && /* @__PURE__ */ a3("span", { class: "lk-chip lk-chip-accent", children: [
        changed,
        " changed"
      ] })
    ] }),
    /* @__PURE__ */ a3("div", { id: body, hidden: !open, children: open && /* @__PURE__ */ a3("div", { class: "tl-fields", children: fields.map(children) }) })
  ] });
}
function Control(props) {
  let { field, value, problem, onChange } = props, id = P2(), [text, setText] = d2(() => fieldText(field, value)), mine = fieldValue(field, text);
  A2(() => {
    JSON.stringify(mine) !== JSON.stringify(value) && setText(fieldText(field, value));
  }, [value]);
  let type = (next) => {
    setText(next), onChange(fieldValue(field, next));
  }, changed = value !== void 0, common = {
    id,
    "aria-describedby": `${id}-help${problem ? ` ${id}-problem` : ""}`,
    "aria-invalid": problem ? "true" : void 0
  }, label = /* @__PURE__ */ a3("label", { for: id, class: "lk-label", children: field.label });
  return /* @__PURE__ */ a3("div", { class: `tl-field tl-kind-${field.kind}${changed ? " tl-changed" : ""}`, "data-field": field.name, children: [
    /* @__PURE__ */ a3("div", { class: "tl-top", children: [
      field.kind === "switch" ? /* @__PURE__ */ a3("span", { class: "tl-switch", children: [
        /* @__PURE__ */ a3("input", { type: "checkbox", ...common, checked: text === "true", onChange: (event) => type(String(event.currentTarget.checked)) }),
        label
      ] }) : field.kind === "flags" ? /* @__PURE__ */ a3("span", { class: "lk-label", id, children: field.label }) : label,
      changed && /* @__PURE__ */ a3("button", { type: "button", class: "tl-undo", "aria-label": `Put ${field.label} back to its default`, title: "Back to the default", onClick: () => onChange(void 0), children: "\u21BA" })
    ] }),
    field.kind === "switch" ? null : field.kind === "flags" ? /* @__PURE__ */ a3(Flags, { field, value: Array.isArray(value) ? value : [], labelledBy: id, onChange: (next) => type(next.join(", ")) }) : field.kind === "choice" || field.kind === "three" ? /* @__PURE__ */ a3("select", { class: "lk-input lk-select", ...common, value: text, onChange: (event) => type(event.currentTarget.value), children: [
      options(field).map(([option, said]) => /* @__PURE__ */ a3("option", { value: option, selected: option === text, children: said }, option)),
      !options(field).some(([option]) => option === text) && /* @__PURE__ */ a3("option", { value: text, children: text })
    ] }) : /* @__PURE__ */ a3($, { children: [
      /* @__PURE__ */ a3(
        "input",
        {
          class: "lk-input",
          type: "text",
          ...field.suggestions.length ? { list: `${id}-list` } : {},
          ...common,
          inputMode: field.kind === "integer" ? "numeric" : field.kind === "number" ? "decimal" : void 0,
          value: text,
          placeholder: field.blank,
          spellcheck: !1,
          autocomplete: "off",
          onInput: (event) => type(event.currentTarget.value)
        }
      ),
      field.suggestions.length > 0 && /* @__PURE__ */ a3("datalist", { id: `${id}-list`, children: field.suggestions.map((name) => /* @__PURE__ */ a3("option", { value: name }, name)) })
    ] }),
    problem && /* @__PURE__ */ a3("div", { class: "lk-problem", id: `${id}-problem`, role: "alert", children: atField(field.name, problem) }),
    /* @__PURE__ */ a3("div", { class: "lk-help", id: `${id}-help`, children: [
      field.help,
      field.kind === "list" ? " Separated by commas." : ""
    ] })
  ] });
}
function options(field) {
  if (field.kind === "three") return [["", field.blank || "open"], ["true", "yes"], ["false", "no"]];
  let named = field.choices.map((choice) => [choice, choice]);
  return field.blank ? [["", field.blank], ...named] : named;
}
function Flags(props) {
  let { field, value, labelledBy, onChange } = props;
  return /* @__PURE__ */ a3("div", { class: "tl-flags", role: "group", "aria-labelledby": labelledBy, children: field.choices.map((name) => /* @__PURE__ */ a3(Check, { checked: value.includes(name), onChange: (on) => onChange(field.choices.filter((n2) => n2 === name ? on : value.includes(n2))), children: name.replaceAll("_", " ") }, name)) });
}
function Cost({ bridge }) {
  let [forecast] = useTrait(bridge, "forecast"), [measuring] = useTrait(bridge, "measuring"), [problems] = useTrait(bridge, "problems"), wrong = Object.keys(problems).length > 0, last = T2({});
  !forecast.problem && forecast.steps !== void 0 && (last.current = forecast);
  let f4 = last.current, stale = !!forecast.problem || measuring || wrong, rows = Object.entries(f4.rows ?? {});
  return /* @__PURE__ */ a3("section", { class: "tl-card", "aria-label": "Forecast", "aria-busy": measuring, children: [
    /* @__PURE__ */ a3("div", { class: "tl-card-head", children: [
      /* @__PURE__ */ a3("h4", { children: "Forecast for this machine" }),
      /* @__PURE__ */ a3("span", { class: "lk-quiet tl-state", role: "status", children: wrong ? "before the problem" : measuring ? "working it out\u2026" : forecast.problem ? "before the problem" : "" })
    ] }),
    /* @__PURE__ */ a3("dl", { class: `tl-cost${stale ? " tl-stale" : ""}`, children: [
      /* @__PURE__ */ a3("div", { children: [
        /* @__PURE__ */ a3("dt", { children: "Time" }),
        /* @__PURE__ */ a3("dd", { children: clock(f4.seconds) })
      ] }),
      /* @__PURE__ */ a3("div", { children: [
        /* @__PURE__ */ a3("dt", { children: "Memory" }),
        /* @__PURE__ */ a3("dd", { children: f4.memory_mb === void 0 ? "\u2013" : megabytes(f4.memory_mb) })
      ] }),
      /* @__PURE__ */ a3("div", { children: [
        /* @__PURE__ */ a3("dt", { children: "Precision" }),
        /* @__PURE__ */ a3("dd", { children: f4.precision ?? "\u2013" })
      ] }),
      /* @__PURE__ */ a3("div", { children: [
        /* @__PURE__ */ a3("dt", { children: "Steps" }),
        /* @__PURE__ */ a3("dd", { children: f4.steps === void 0 ? "\u2013" : count(f4.steps) })
      ] })
    ] }),
    /* @__PURE__ */ a3("p", { class: "lk-quiet tl-rows", children: [
      rows.length > 0 ? rows.map(([split, n2]) => `${count(n2)} ${split}`).join(" \xB7 ") + " rows" : "\xA0",
      f4.free_memory_mb !== void 0 && ` \xB7 ${megabytes(f4.free_memory_mb)} of memory free`
    ] }),
    f4.fits === !1 && /* @__PURE__ */ a3(Note, { kind: "warning", children: "That is more memory than is free. Smaller batches, shorter texts or a smaller model need less." }),
    f4.note && /* @__PURE__ */ a3("p", { class: "lk-quiet tl-rows", children: f4.note }),
    forecast.problem && !forecast.field && /* @__PURE__ */ a3(Note, { kind: "error", children: forecast.problem })
  ] });
}
function Recipe({ bridge }) {
  let [values] = useTrait(bridge, "values"), [problems] = useTrait(bridge, "problems"), [which, setWhich] = d2("changes"), preview = useAsked(JSON.stringify([values, problems]), () => bridge.call("preview")), p3 = preview.value;
  return /* @__PURE__ */ a3("section", { class: "tl-card tl-recipe", "aria-label": "Recipe", children: [
    /* @__PURE__ */ a3("div", { class: "tl-card-head", children: [
      /* @__PURE__ */ a3("h4", { children: [
        "Recipe",
        Object.keys(problems).length > 0 ? " before the problem" : ""
      ] }),
      /* @__PURE__ */ a3(Segments, { label: "What is shown of the recipe", value: which, options: [["changes", "Changes"], ["toml", "Whole file"]], onChange: (next) => setWhich(next) })
    ] }),
    preview.error && /* @__PURE__ */ a3(Note, { kind: "error", children: preview.error }),
    /* @__PURE__ */ a3("pre", { class: `tl-toml${Object.keys(problems).length > 0 ? " tl-stale" : ""}`, tabIndex: 0, "aria-label": which === "changes" ? "Settings that differ from the defaults" : "The recipe file", children: which === "toml" ? p3?.toml : p3 && p3.changes.length === 0 ? "All settings are the defaults." : p3?.changes.map((line, at) => /* @__PURE__ */ a3("span", { class: line.sign === "+" ? "tl-add" : line.sign === "-" ? "tl-cut" : "tl-name", children: [
      line.sign === " " ? "" : `${line.sign} `,
      visible(line.text),
      `
`
    ] }, at)) })
  ] });
}
function Launch(props) {
  let { bridge, problems, fields, goTo, ready } = props, launch = useAction(() => bridge.call("launch", {}, 12e4)), [filing, setFiling] = d2(!1), wrong = fields.filter((f4) => problems[f4.name]);
  return /* @__PURE__ */ a3("div", { class: "tl-launch", children: [
    /* @__PURE__ */ a3("div", { class: "tl-buttons", children: [
      /* @__PURE__ */ a3(Button, { kind: "primary", disabled: launch.busy || !ready || wrong.length > 0, onClick: () => launch.run(), children: launch.busy ? "Starting\u2026" : "Launch training" }),
      /* @__PURE__ */ a3(Button, { pressed: filing, onClick: () => setFiling(!filing), children: "Save recipe\u2026" }),
      wrong.length > 0 && /* @__PURE__ */ a3("span", { class: "lk-problem tl-wrong", children: [
        wrong.length === 1 ? "1 problem:" : `${wrong.length} problems:`,
        wrong.map((f4) => /* @__PURE__ */ a3("button", { type: "button", class: "tl-jump", onClick: () => goTo(f4.name), children: f4.label }, f4.name))
      ] })
    ] }),
    filing && /* @__PURE__ */ a3(RecipeFile, { bridge }),
    launch.error && /* @__PURE__ */ a3(Note, { kind: "error", onClose: launch.clear, children: launch.error }),
    /* @__PURE__ */ a3(RunLine, { bridge })
  ] });
}
function RecipeFile({ bridge }) {
  let [path, setPath] = d2("recipe.toml"), [replace, setReplace] = d2(!1), [said, setSaid] = d2(""), save = useAction(async () => setSaid(`Saved in ${await bridge.call("save", { path, replace })}`)), load = useAction(async () => {
    await bridge.call("load", { path }), setSaid(`Loaded ${path}`);
  }), error = save.error || load.error, begin = (act, other) => {
    setSaid(""), other.clear(), act.run();
  };
  return /* @__PURE__ */ a3("div", { class: "tl-file", children: [
    /* @__PURE__ */ a3("input", { class: "lk-input", type: "text", "aria-label": "File name", value: path, spellcheck: !1, onInput: (event) => setPath(event.currentTarget.value), onKeyDown: (event) => event.key === "Enter" && begin(save, load) }),
    /* @__PURE__ */ a3(Button, { disabled: !path || save.busy, onClick: () => begin(save, load), children: "Save" }),
    /* @__PURE__ */ a3(Button, { disabled: !path || load.busy, onClick: () => begin(load, save), children: "Load" }),
    /* @__PURE__ */ a3(Check, { checked: replace, onChange: setReplace, children: "Replace a file that is there" }),
    /* @__PURE__ */ a3("span", { class: error ? "lk-problem" : "lk-quiet", role: error ? "alert" : "status", children: error || said })
  ] });
}
var CHIPS = { running: "lk-chip-accent", completed: "lk-chip-good", failed: "lk-chip-bad" };
function RunLine({ bridge }) {
  let [run] = useTrait(bridge, "run"), [progress] = useTrait(bridge, "progress");
  if (!run) return null;
  let { status = "", step = 0, steps = 0, phase = "" } = progress, running = status === "running";
  return /* @__PURE__ */ a3("div", { class: "tl-run", children: [
    /* @__PURE__ */ a3("div", { class: "tl-run-line", children: [
      /* @__PURE__ */ a3("b", { class: "lk-cut", children: visible(progress.name ?? run) }),
      /* @__PURE__ */ a3("span", { class: `lk-chip ${CHIPS[status] ?? "lk-chip-warn"}`, children: status }),
      /* @__PURE__ */ a3("span", { class: "lk-quiet", "aria-live": "polite", children: [
        steps > 0 ? `step ${count(step)} of ${count(steps)}` : phase,
        running && progress.seconds_left != null ? ` \xB7 ${clock(progress.seconds_left)} left` : ""
      ] })
    ] }),
    /* @__PURE__ */ a3(Bar, { share: steps ? step / steps : 0, label: "Training steps done" }),
    progress.error && /* @__PURE__ */ a3(Note, { kind: status === "failed" ? "error" : "warning", children: progress.error }),
    /* @__PURE__ */ a3("div", { class: "lk-quiet tl-watch", children: [
      "It is a process of its own and goes on without this kernel. Watch it: ",
      /* @__PURE__ */ a3("code", { class: "lk-text", children: [
        "TrainingMonitor(",
        JSON.stringify(run),
        ")"
      ] })
    ] })
  ] });
}
var training_launcher_default = widget("Training launcher", App);
export {
  training_launcher_default as default
};
