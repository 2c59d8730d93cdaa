/*
 * Our own retelling, for the tests: a caller passes a mask of the orders that its hardware can map, and the loop steps
 * down through it. It stands for __iommu_dma_alloc_pages() of drivers/iommu/dma-iommu.c, whose name it bears, as a
 * sibling is known by its name.
 */

static struct page **__iommu_dma_alloc_pages(struct device *dev, unsigned int count, unsigned long order_mask, gfp_t gfp)
{
	struct page **pages;
	unsigned int done = 0, j;

	order_mask &= GENMASK(MAX_PAGE_ORDER, 0);
	if (!order_mask)
		return NULL;
	pages = kvcalloc(count, sizeof(*pages), GFP_KERNEL);
	if (!pages)
		return NULL;
	gfp |= __GFP_NOWARN | __GFP_HIGHMEM;

	while (count) {
		struct page *page = NULL;
		unsigned int size;

		order_mask &= GENMASK(__fls(count), 0);
		while (order_mask) {
			unsigned int order = __fls(order_mask);
			gfp_t flags = gfp;

			size = 1U << order;
			if (order_mask > size)
				flags |= __GFP_NORETRY;
			page = alloc_pages(flags, order);
			if (page) {
				if (order)
					split_page(page, order);
				break;
			}
			order_mask &= ~size;
		}
		if (!page)
			goto error;
		for (j = 0; j < size; j++)
			pages[done + j] = page + j;
		done += size;
		count -= size;
	}
	return pages;
error:
	while (done--)
		__free_page(pages[done]);
	kvfree(pages);
	return NULL;
}
