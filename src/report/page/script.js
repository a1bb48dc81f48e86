(function(){
var d=document,list=function(e,q){return[].slice.call(e.querySelectorAll(q))},figs=list(d,"section.fig"),main=d.querySelector("main[data-n]");
function open(){var e=d.getElementById(decodeURIComponent(location.hash.slice(1)));for(;e;e=e.parentElement)if(e.tagName=="DETAILS")e.open=true}
addEventListener("hashchange",open);open();
if(!main||!figs.length)return;
var n=+main.dataset.n,t0=+main.dataset.t0,step=+main.dataset.step,span=+main.dataset.span,zone=Intl.DateTimeFormat().resolvedOptions().timeZone;
function two(x){return(x<10?"0":"")+x}
function utc(t){var a=new Date(t),s=a.getUTCSeconds();return"Sun Mon Tue Wed Thu Fri Sat".split(" ")[a.getUTCDay()]+" "+a.getUTCDate()+" "+"Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ")[a.getUTCMonth()]+" "+two(a.getUTCHours())+":"+two(a.getUTCMinutes())+(s?":"+two(s):"")}
var bar=d.createElement("div"),b=d.createElement("b"),r=d.createElement("input");
bar.className="cur";r.type="range";r.min=0;r.max=n-1;r.value=0;
r.setAttribute("aria-label","Time cursor: reads every chart");
b.textContent="Time cursor: move over a chart, or slide";
bar.append(b,r);main.append(bar);
figs.forEach(function(f){
var o=f.o=d.createElement("output");o.setAttribute("aria-live","off");f.querySelector(".fh").append(o);
var t=f.querySelector("table.w");f.rows=list(f,"table.w tbody tr");f.unit=t&&t.dataset.u?"\u202f"+t.dataset.u:"";f.many=t&&t.tHead.rows[0].cells[3];
f.c=f.querySelector(".c");
if(f.c){var x=f.x=d.createElementNS("http://www.w3.org/2000/svg","line");x.setAttribute("class","cs");x.setAttribute("y1",14);x.setAttribute("y2",f.c.dataset.h);x.setAttribute("visibility","hidden");f.c.querySelector(".p").append(x)}
});
function read(f,i){
var q=f.rows[i];if(!q)return"";
var c=q.cells,v=c[1].textContent;
if(v=="unknown")return v;
if(!f.many)return v+f.unit+(c[2]&&c[2].textContent?", broken":"");
var w=c[3].textContent;
return c[2].textContent+f.unit+(v!=w?" ("+v+" to "+w+")":"")+(c[4]&&c[4].textContent?", "+c[4].textContent+" broken":"")}
function set(i){
i=Math.max(0,Math.min(n-1,i));r.value=i;
var t=t0+i*step,s=utc(t)+"\u2013"+utc(t+step).split(" ").pop()+" UTC",here=new Date(t);
b.textContent=s+(here.getTimezoneOffset()?" ("+here.toLocaleTimeString([],{hour:"2-digit",minute:"2-digit"})+" "+zone+")":"");
r.setAttribute("aria-valuetext",s);
var X=Math.min(100,(i+.5)*step/span*100)+"%";
figs.forEach(function(f){if(f.x){f.x.setAttribute("x1",X);f.x.setAttribute("x2",X);f.x.removeAttribute("visibility")}f.o.textContent=read(f,i)})}
r.addEventListener("input",function(){set(+r.value)});
figs.forEach(function(f){if(f.c)f.c.addEventListener("pointermove",function(e){var c=f.c.getBoundingClientRect();set(Math.floor((e.clientX-c.left-50)/(c.width-50)*span/step))})});
})();
