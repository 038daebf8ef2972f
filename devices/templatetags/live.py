"""`{% live "name" %}…{% endlive %}`: a part of a page that stays up to date; see `devices/pages/live.py`."""

from django import template
from django.template.base import FilterExpression, NodeList, Parser, Token
from django.template.context import Context
from django.utils.safestring import SafeString

from devices.pages.live import part

register = template.Library()


class LiveNode(template.Node):
    def __init__(self, name: list[FilterExpression], content: NodeList) -> None:
        self.name = name
        self.nodelist = content

    def render(self, context: Context) -> SafeString:
        name = "-".join(str(word.resolve(context)) for word in self.name)
        return part(context["request"], name, self.nodelist.render(context))


@register.tag
def live(parser: Parser, token: Token) -> LiveNode:
    words = token.split_contents()[1:]
    if not words:
        raise template.TemplateSyntaxError('A live part has a name: {% live "name" %}.')
    content = parser.parse(("endlive",))
    parser.delete_first_token()
    return LiveNode([parser.compile_filter(word) for word in words], content)
