"""A made-up shop of any size, the same every time: for a first look, for tests and for benchmarks."""

from vefa.crm.demo_shop.shop import DemoShopSummary, make_demo_shop

__all__ = ["DemoShopSummary", "make_demo_shop"]
